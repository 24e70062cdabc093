//! The files by which pkg-config and CMake find the library.

use std::path::Path;

use super::names::{Face, VARIANTS, Variant};
use super::tree::Tree;

const PKG_CONFIG: &str = include_str!("package.pc.in");
const CMAKE_CONFIG: &str = include_str!("config.cmake.in");
const CMAKE_TARGETS: &str = include_str!("targets.cmake.in");
const CMAKE_VERSION: &str = include_str!("version.cmake.in");

/// Installs them for one face; `include` is the directory of its headers, from the prefix.
pub(crate) fn install(tree: &Tree, face: &Face, include: &str) -> Result<(), String> {
    let place = Place { libdir: &tree.libdir, include };
    for variant in VARIANTS {
        let name = tree.libdir.join(format!("pkgconfig/{}.pc", face.library(variant)));
        tree.write(&name, &place.fill(PKG_CONFIG, face, variant))?;
    }
    let directory = tree.libdir.join("cmake").join(face.name);
    let [plain, ..] = VARIANTS else { return Ok(()) };
    let mut config = place.fill(CMAKE_CONFIG, face, plain);
    for variant in VARIANTS {
        config += &place.fill(CMAKE_TARGETS, face, variant);
    }
    tree.write(&directory.join(format!("{}-config.cmake", face.name)), &config)?;
    let version = place.fill(CMAKE_VERSION, face, plain);
    tree.write(&directory.join(format!("{}-config-version.cmake", face.name)), &version)
}

/// Where the parts of the tree lie, from the prefix.
struct Place<'a> {
    libdir: &'a Path,
    include: &'a str,
}

impl Place<'_> {
    /// Replaces the `@WORDS@` of a template.
    fn fill(&self, template: &str, face: &Face, variant: &Variant) -> String {
        let [major, minor, _] = face.version;
        // The files lie one and two directories below that of the libraries.
        let up = "../".repeat(self.libdir.components().count());
        let words = [
            ("@NAME@", face.name.to_owned()),
            ("@VARIABLE@", face.name.to_uppercase()),
            ("@LIBRARY@", face.library(variant)),
            ("@VERSION@", face.full_version()),
            ("@MAJOR@", major.to_string()),
            ("@MINOR@", minor.to_string()),
            ("@SONAME@", face.soname(variant)),
            ("@SHARED@", face.shared_file(variant)),
            ("@ARCHIVE@", face.archive(variant)),
            ("@LIBDIR@", self.libdir.display().to_string()),
            ("@INCLUDE@", self.include.to_owned()),
            ("@POINTER@", size_of::<usize>().to_string()),
            ("@PREFIX_FROM_PKGCONFIG@", format!("{up}..")),
            ("@PREFIX_FROM_CMAKE@", format!("{up}../..")),
        ];
        let fill = |text: String, (word, value): &(&str, String)| text.replace(word, value);
        words.iter().fold(template.to_owned(), fill)
    }
}

#[cfg(test)]
mod tests {
    use super::{CMAKE_CONFIG, CMAKE_TARGETS, CMAKE_VERSION, PKG_CONFIG, Place};
    use crate::dist::names::{Face, Variant};
    use std::path::Path;

    const VARIANT: Variant = Variant { suffix: "-test", features: &[], overrides: true };

    fn fill(template: &str, libdir: &str) -> String {
        let face = Face { name: "mimalloc", version: [2, 4, 1] };
        Place { libdir: Path::new(libdir), include: "include" }.fill(template, &face, &VARIANT)
    }

    #[test]
    fn no_word_of_a_template_is_left() {
        for template in [CMAKE_CONFIG, CMAKE_TARGETS, CMAKE_VERSION, PKG_CONFIG] {
            let text = fill(template, "lib");
            assert!(!text.contains('@'), "{text}");
        }
    }

    #[test]
    fn the_prefix_is_found_from_any_depth() {
        let prefix = |libdir| fill(PKG_CONFIG, libdir).lines().next().map(str::to_owned);
        assert_eq!(prefix("lib").as_deref(), Some("prefix=${pcfiledir}/../.."));
        assert_eq!(prefix("lib/x").as_deref(), Some("prefix=${pcfiledir}/../../.."));
    }

    #[test]
    fn a_variant_has_targets_of_its_own() {
        let text = fill(CMAKE_TARGETS, "lib");
        assert!(text.contains("add_library(mimalloc-test SHARED IMPORTED)"), "{text}");
        assert!(text.contains("add_library(mimalloc-test-static STATIC IMPORTED)"), "{text}");
    }
}
