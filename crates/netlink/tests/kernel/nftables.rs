use ringfence_netlink::nftables::Nftables;

use crate::design;
use crate::run;
use crate::sandbox::Test;

pub(crate) const TESTS: &[Test] = &[
    (
        "nftables::the_example_lists_as_nft_writes_it",
        the_example_lists_as_nft_writes_it,
    ),
    (
        "nftables::what_is_applied_is_read_back",
        what_is_applied_is_read_back,
    ),
];

fn the_example_lists_as_nft_writes_it() {
    Nftables::open()
        .unwrap()
        .apply("rf", &design::build())
        .unwrap();
    let listed = run("nft", &["list", "table", "inet", "rf"]);
    println!("{listed}");
    assert!(listed.ends_with(design::CHAINS));
}

fn what_is_applied_is_read_back() {
    let mut nftables = Nftables::open().unwrap();
    nftables.apply("rf", &design::build()).unwrap();
    let state = nftables.read_table("rf").unwrap().unwrap();
    assert_eq!(state.comment.as_deref(), Some("layout 1"));
    assert_eq!(state.sets, design::sets());
}
