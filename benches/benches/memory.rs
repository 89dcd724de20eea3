//! How much memory the engine takes, counted allocation by allocation.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use ringfence_benches::print;
use ringfence_model::{Cluster, Input, LoadOptions, assemble, load};
use ringfence_policy::Engine;
use ringfence_testkit::render::manifests;
use ringfence_testkit::scale::{Size, cluster, distinct, open};

/// The system's allocator, with a count of the bytes that are in use and of the most there were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[expect(unsafe_code, reason = "an allocator is an unsafe trait")]
// SAFETY: everything is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: `pointer` is from `alloc` above, and so from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn main() {
    let usual = |size| cluster(1, size);
    let unlike = |size| distinct(open(cluster(1, size)));
    let base = ("10,000 pods".to_owned(), Size::LARGE);
    let larger = ringfence_benches::doubled(Size::LARGE);
    let mut sizes = vec![base];
    sizes.extend(larger.map(|(what, size)| (format!("{what} x2"), size)));
    if std::env::args().any(|argument| argument == "huge") {
        sizes.push(("100,000 pods".to_owned(), Size::HUGE));
    }
    let rows = sizes.iter().map(|(what, size)| row(what, *size, usual));
    let last = ("10,000 pods, no two alike, half of it open", Size::LARGE);
    let last = [last]
        .into_iter()
        .map(|(what, size)| row(what, size, unlike));
    let header = [
        "cluster",
        "by itself, MiB",
        "most while all connectivity is judged (goal 300)",
        "ratio",
        "kept afterwards",
        "text of its manifests",
        "most while they are read",
    ];
    print(
        "Memory in use, by allocations",
        &header.map(str::to_owned),
        rows.chain(last),
    );
}

fn row(what: &str, size: Size, make: fn(Size) -> Cluster) -> Vec<String> {
    let (cluster, itself, _) = counted(|| make(size));
    let text = manifests(&cluster);
    let length = text.len();
    let (pods, _, reading) = counted(|| read(text));
    assert_eq!(pods, cluster.pods.len(), "all pods are read again");
    let (engine, kept, most) = counted(|| judged(cluster));
    drop(engine);
    let bytes = [
        itself,
        itself + most,
        itself + kept,
        length,
        reading + length,
    ];
    let [itself, most, kept, length, reading] = bytes.map(mebibytes);
    vec![
        what.to_owned(),
        format!("{itself:.0}"),
        format!("{most:.0}"),
        format!("{:.1}", most / itself),
        format!("{kept:.0}"),
        format!("{length:.0}"),
        format!("{reading:.0}"),
    ]
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// What `work` makes, the bytes that it keeps, and the most that it used meanwhile, beyond what was there before.
fn counted<T>(work: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = NOW.load(Relaxed);
    MOST.store(before, Relaxed);
    let made = work();
    let kept = NOW.load(Relaxed).saturating_sub(before);
    (made, kept, MOST.load(Relaxed).saturating_sub(before))
}

fn judged(cluster: Cluster) -> Engine {
    let engine = Engine::new(cluster);
    engine.for_each_row(|sources, row| {
        black_box((sources.len(), row.cells.len()));
    });
    engine
}

fn read(text: String) -> usize {
    let name = "all.yaml".to_owned();
    let loaded = load(&[Input { name, text }], &LoadOptions::default());
    assemble(&loaded.objects).0.pods.len()
}
