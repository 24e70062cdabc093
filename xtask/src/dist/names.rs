//! Under which names and versions the library is installed.

use std::fs;
use std::path::{Path, PathBuf};

/// A way to build the library. A mode of the engine becomes a row here.
pub(crate) struct Variant {
    /// Stands behind the name of the library in those of all its files.
    pub(crate) suffix: &'static str,
    /// Features of the C library.
    pub(crate) features: &'static [&'static str],
    /// Whether `malloc` and `operator new` are the library's, or only its own names.
    pub(crate) overrides: bool,
}

/// The first is the one that a CMake package is named after.
pub(crate) const VARIANTS: &[Variant] = &[
    Variant { suffix: "", features: &[], overrides: true },
    Variant { suffix: "-secure", features: &["secure"], overrides: true },
    Variant { suffix: "-debug", features: &["debug-checks"], overrides: true },
    Variant { suffix: "-valgrind", features: &["valgrind"], overrides: true },
    // In programs for the address sanitizer malloc is the sanitizer's.
    Variant { suffix: "-asan", features: &["asan"], overrides: false },
];

/// A name that the library is known by, with the version that belongs to it.
pub(crate) struct Face {
    pub(crate) name: &'static str,
    pub(crate) version: [u32; 3],
}

impl Face {
    /// The project's own name and version. The interface is that of mimalloc 2, which stays what it
    /// is: one soname serves all versions of the project that provide it.
    pub(crate) fn rimalloc() -> Self {
        let mut numbers = env!("CARGO_PKG_VERSION").split('.').map(str::parse);
        let version = [(); 3].map(|()| numbers.next().and_then(Result::ok).unwrap_or(0));
        Self { name: "rimalloc", version }
    }

    /// mimalloc's name, with the version of it that the header declares.
    pub(crate) fn mimalloc(headers: &[PathBuf]) -> Result<Self, String> {
        let path = headers.iter().find(|path| path.ends_with("mimalloc.h"));
        let path = path.ok_or("there is no mimalloc.h")?;
        let text = fs::read_to_string(path).map_err(|error| explain(path, &error.to_string()))?;
        let number = declared_version(&text)
            .ok_or_else(|| explain(path, "no MI_MALLOC_VERSION of five digits"))?;
        let version = [number / 10_000, number / 100 % 100, number % 100];
        Ok(Self { name: "mimalloc", version })
    }

    /// Major and minor, as mimalloc names its files.
    pub(crate) fn series(&self) -> String {
        let [major, minor, _] = self.version;
        format!("{major}.{minor}")
    }

    pub(crate) fn full_version(&self) -> String {
        self.version.map(|number| number.to_string()).join(".")
    }

    pub(crate) fn library(&self, variant: &Variant) -> String {
        format!("{}{}", self.name, variant.suffix)
    }

    /// The name that a linker looks for.
    pub(crate) fn shared(&self, variant: &Variant) -> String {
        format!("lib{}.so", self.library(variant))
    }

    /// The name that a program records and the loader looks for.
    pub(crate) fn soname(&self, variant: &Variant) -> String {
        format!("{}.{}", self.shared(variant), self.version[0])
    }

    pub(crate) fn shared_file(&self, variant: &Variant) -> String {
        format!("{}.{}", self.shared(variant), self.series())
    }

    pub(crate) fn archive(&self, variant: &Variant) -> String {
        format!("lib{}.a", self.library(variant))
    }

    /// The single object: `librimalloc.o` beside the libraries, `mimalloc.o` as mimalloc has it.
    pub(crate) fn object(&self, variant: &Variant) -> String {
        let lead = if self.name == "mimalloc" { "" } else { "lib" };
        format!("{lead}{}.o", self.library(variant))
    }
}

fn explain(path: &Path, what: &str) -> String {
    format!("{}: {what}", path.display())
}

/// The value of `MI_MALLOC_VERSION` in a header, major × 10000 + minor × 100 + patch.
fn declared_version(header: &str) -> Option<u32> {
    let words =
        |line: &'_ str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let define = header.lines().map(words).find(|line| match &line[..] {
        [define, name, _, ..] => define == "#define" && name == "MI_MALLOC_VERSION",
        _ => false,
    })?;
    define[2].parse().ok().filter(|number| (10_000..100_000).contains(number))
}

#[cfg(test)]
mod tests {
    use super::{Face, Variant, declared_version};

    #[test]
    fn the_version_is_read_from_the_header() {
        let header = "// #define MI_MALLOC_VERSION\n#define  MI_MALLOC_VERSION 20401  // 2.4.1\n";
        assert_eq!(declared_version(header), Some(20401));
        assert_eq!(declared_version("#define MI_MALLOC_VERSION 241\n"), None);
        assert_eq!(declared_version(""), None);
    }

    #[test]
    fn files_are_named_as_mimalloc_names_them() {
        let face = Face { name: "mimalloc", version: [2, 4, 1] };
        let variant = Variant { suffix: "-test", features: &[], overrides: true };
        assert_eq!(face.shared_file(&variant), "libmimalloc-test.so.2.4");
        assert_eq!(face.soname(&variant), "libmimalloc-test.so.2");
        assert_eq!(face.shared(&variant), "libmimalloc-test.so");
        assert_eq!(face.archive(&variant), "libmimalloc-test.a");
        assert_eq!(face.object(&variant), "mimalloc-test.o");
    }
}
