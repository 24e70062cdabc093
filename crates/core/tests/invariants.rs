//! What theaps and pages say of themselves agrees at every moment, and a disagreement is found.
#![cfg(unix)]
#![allow(unsafe_code)]

mod common;

use common::{RULES, Rimalloc};
use rimalloc_core::heap::{MAIN_SUBPROC, Settings};
use rimalloc_core::page::PageRef;
use rimalloc_core::source::Plain;
use rimalloc_core::theap::{self, Theap};
use rimalloc_core::{alloc, free, heaps};
use std::thread;
use testkit::{Limits, Mix, Op, Rng, Shadow, scaled};

fn theap() -> &'static Theap {
    theap::current_or_none().expect("the thread has allocated")
}

#[test]
fn theaps_agree_with_their_pages_whatever_is_done() {
    let mut shadow = Shadow::new(&Rimalloc, RULES, Limits::SHARED, 3);
    let mut rng = Rng::new(11);
    let mix = Mix { largest: 200_000, ..Mix::MODEST };
    for step in 0..scaled(20_000) {
        let op = Op::draw(&mut rng, mix);
        shadow.apply(&op).unwrap_or_else(|violation| panic!("{violation}"));
        if step % 50 == 0 && theap::current_or_none().is_some() {
            assert_eq!(theap().check(), Ok(()), "step {step}, after {op:?}");
        }
    }
    shadow.finish().unwrap_or_else(|violation| panic!("{violation}"));
    assert_eq!(theap().check(), Ok(()));
}

#[test]
fn pages_that_others_free_into_agree() {
    let heap = heaps::create(Settings::of(&MAIN_SUBPROC)).expect("memory for a heap");
    let blocks: Vec<usize> =
        (0..5000).map(|i| alloc::malloc(heap, 8 + i % 300).expose_provenance()).collect();
    let theap = heaps::theap_of_or_none(heap).expect("the thread has allocated");
    thread::scope(|scope| {
        for part in blocks.chunks(1000) {
            scope.spawn(move || {
                for address in part {
                    // SAFETY: a live block that ends here.
                    unsafe { free::free(core::ptr::with_exposed_provenance_mut(*address)) };
                }
            });
        }
        for _ in 0..100 {
            assert_eq!(theap.check(), Ok(()));
        }
    });
    assert_eq!(theap.check(), Ok(()));
    // SAFETY: nobody uses the heap any more.
    unsafe { heaps::destroy(heap) };
}

/// A page of this thread's own with some live blocks, some freed ones, and one handed out next.
fn page() -> (PageRef, Vec<*mut u8>) {
    let mut blocks: Vec<_> = (0..20).map(|_| alloc::malloc(Plain, 200)).collect();
    for p in blocks.drain(..10) {
        // SAFETY: the block is live and ends here.
        unsafe { free::free(p) };
    }
    (PageRef::of_addr(blocks[0].addr()).expect("a live block has a page"), blocks)
}

#[test]
fn a_wrong_count_is_found() {
    thread::spawn(|| {
        let (page, _blocks) = page();
        assert_eq!(page.check(), Ok(()));
        page.used.set(page.used.get() + 1);
        assert!(page.check().is_err() && theap().check().is_err());
        page.used.set(page.used.get() - 1);
        assert_eq!(theap().check(), Ok(()));
    })
    .join()
    .expect("no panic");
}

#[test]
fn a_block_on_two_lists_is_found() {
    thread::spawn(|| {
        let (page, _blocks) = page();
        let handed = page.free.replace(page.local_free.get());
        assert!(page.check().is_err());
        page.free.set(handed);
        assert_eq!(page.check(), Ok(()));
    })
    .join()
    .expect("no panic");
}

#[test]
fn a_page_in_the_wrong_place_is_found() {
    thread::spawn(|| {
        let (page, _blocks) = page();
        let bin = page.bin();
        let theap = theap();
        theap.queue(bin).remove(page);
        assert!(theap.check().is_err(), "the direct table leads to it");
        theap.update_direct(bin);
        assert_eq!(theap.check(), Ok(()));
        theap.queue(bin).push_back(page);
        theap.update_direct(bin);
        let next = page.next.replace(None);
        assert!(theap.check().is_err(), "the queue is no ring");
        page.next.set(next);
        assert_eq!(theap.check(), Ok(()));
    })
    .join()
    .expect("no panic");
}
