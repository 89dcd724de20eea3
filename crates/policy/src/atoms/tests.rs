use ipnet::IpNet;

use super::*;

fn block(text: &str) -> Atom {
    Atom::from(text.parse::<IpNet>().unwrap())
}

fn atoms(blocks: &[&str]) -> Atoms {
    let mut atoms = Atoms::new();
    for text in blocks {
        atoms.acquire(block(text));
    }
    atoms
}

fn of(atoms: &Atoms, address: &str) -> Atom {
    atoms.of(address.parse().unwrap())
}

fn ranges(atoms: &Atoms, text: &str) -> Vec<String> {
    let ranges = atoms.ranges(block(text));
    let words = ranges.iter().map(|(first, last)| format!("{first}-{last}"));
    words.collect()
}

#[test]
fn the_smallest_block_is_found_past_its_neighbours() {
    let found = atoms(&[
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.2.0/24",
        "10.1.2.3/32",
        "fd00::/8",
    ]);
    for (address, expected) in [
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.4", "10.1.2.0/24"),
        ("10.1.255.255", "10.1.0.0/16"),
        ("10.200.0.1", "10.0.0.0/8"),
        ("10.0.0.0", "10.0.0.0/8"),
        ("11.0.0.0", "0.0.0.0/0"),
        ("0.0.0.0", "0.0.0.0/0"),
        ("127.0.0.1", "127.0.0.0/8"),
        ("fd00::1", "fd00::/8"),
        ("2001:db8::1", "::/0"),
        ("ffff::", "::/0"),
    ] {
        assert_eq!(of(&found, address), block(expected), "{address}");
    }
    assert_eq!(found.around(block("10.1.2.3/32")), block("10.1.2.0/24"));
    assert_eq!(found.around(block("10.1.2.0/24")), block("10.1.0.0/16"));
    assert_eq!(found.around(block("fd00::/8")), block("::/0"));
}

#[test]
fn an_atom_is_its_block_without_smaller_ones() {
    let found = atoms(&[
        "10.0.0.0/8",
        "10.0.0.0/16",
        "10.0.5.0/24",
        "10.255.255.255/32",
    ]);
    assert_eq!(ranges(&found, "10.0.0.0/8"), ["10.1.0.0-10.255.255.254"]);
    assert_eq!(
        ranges(&found, "10.0.0.0/16"),
        ["10.0.0.0-10.0.4.255", "10.0.6.0-10.0.255.255"]
    );
    let halves = atoms(&["10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9"]);
    assert_eq!(ranges(&halves, "10.0.0.0/8"), Vec::<String>::new());
    let top = atoms(&["255.255.255.255/32", "ff00::/8"]);
    assert_eq!(
        ranges(&top, "0.0.0.0/0"),
        ["0.0.0.0-126.255.255.255", "128.0.0.0-255.255.255.254"]
    );
    assert_eq!(
        ranges(&top, "ff00::/8"),
        ["ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]
    );
}

#[test]
fn a_block_stays_while_somebody_names_it() {
    let mut found = atoms(&["10.0.0.0/8"]);
    assert!(!found.acquire(block("10.0.0.0/8")));
    assert!(!found.release(block("10.0.0.0/8")));
    assert_eq!(of(&found, "10.0.0.1"), block("10.0.0.0/8"));
    assert!(found.release(block("10.0.0.0/8")));
    assert_eq!(of(&found, "10.0.0.1"), block("0.0.0.0/0"));
}

#[test]
fn host_bits_do_not_matter() {
    assert_eq!(block("10.0.0.7/8"), block("10.0.0.0/8"));
}

#[test]
fn some_addresses_never_travel() {
    assert!(block("127.3.0.0/16").never_travels() && block("::1/128").never_travels());
    assert!(block("::ffff:10.0.0.0/104").never_travels());
    assert!(!block("126.0.0.0/8").never_travels() && !block("::/0").never_travels());
}
