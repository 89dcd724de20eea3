use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn block(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn next(network: &str, taken: &[&str], last: Option<&str>) -> Result<String, PoolExhausted> {
    let taken = taken.iter().map(|text| ip(text)).collect();
    next_free(block(network), &taken, last.map(ip)).map(|address| address.to_string())
}

#[test]
fn round_robin_past_what_is_taken() {
    let cases: &[(&str, &[&str], Option<&str>, &str)] = &[
        ("10.244.1.0/24", &[], None, "10.244.1.2"),
        ("10.244.1.0/24", &[], Some("10.244.1.2"), "10.244.1.3"),
        (
            "10.244.1.0/24",
            &["10.244.1.3", "10.244.1.4"],
            Some("10.244.1.2"),
            "10.244.1.5",
        ),
        ("10.244.1.0/24", &[], Some("10.244.1.254"), "10.244.1.2"),
        (
            "10.244.1.0/24",
            &["10.244.1.2"],
            Some("10.244.1.254"),
            "10.244.1.3",
        ),
        ("10.244.1.0/24", &[], Some("10.9.9.9"), "10.244.1.2"),
        (
            "10.244.1.0/24",
            &["10.9.9.9"],
            Some("fd00::7"),
            "10.244.1.2",
        ),
        (
            "255.255.255.0/24",
            &[],
            Some("255.255.255.254"),
            "255.255.255.2",
        ),
        ("fd00::/64", &[], None, "fd00::2"),
        ("fd00::/64", &[], Some("fd00::ffff"), "fd00::1:0"),
        ("fd00::/126", &["fd00::2"], Some("fd00::2"), "fd00::3"),
        ("fd00::/126", &[], Some("fd00::3"), "fd00::2"),
    ];
    for (network, taken, last, expected) in cases {
        assert_eq!(
            next(network, taken, *last).as_deref(),
            Ok(*expected),
            "{network} {last:?}"
        );
    }
}

#[test]
fn each_usable_address_is_given_once_and_then_the_block_is_named() {
    let network = block("10.0.0.0/28");
    let (mut taken, mut last) = (BTreeSet::new(), None);
    for _ in 0..13 {
        let address = next_free(network, &taken, last).unwrap();
        assert!(taken.insert(address), "{address} twice");
        last = Some(address);
    }
    for reserved in ["10.0.0.0", "10.0.0.1", "10.0.0.15"] {
        assert!(!taken.contains(&ip(reserved)), "{reserved}");
    }
    let error = next_free(network, &taken, last).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no address is free in `10.0.0.0/28`: 13 of 13 are in use"
    );
    taken.remove(&ip("10.0.0.7"));
    assert_eq!(next_free(network, &taken, last), Ok(ip("10.0.0.7")));
}

#[test]
fn blocks_without_room_give_nothing() {
    for network in [
        "10.0.0.0/31",
        "10.0.0.0/32",
        "255.255.255.255/32",
        "fd00::/127",
        "fd00::/128",
    ] {
        let error = next(network, &[], None).unwrap_err();
        assert_eq!(error.capacity, 0, "{network}");
    }
    assert_eq!(next("10.0.0.0/30", &[], None).as_deref(), Ok("10.0.0.2"));
}
