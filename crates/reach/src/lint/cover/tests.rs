use super::*;

fn requirement(operator: SelectorOperator, values: &[&str]) -> Requirement {
    Requirement {
        key: "k".to_owned(),
        operator,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
    }
}

/// Every requirement on one key with the values `a` and `b`.
fn all() -> Vec<Requirement> {
    use SelectorOperator::{DoesNotExist, Exists, In, NotIn};
    let lists: [&[&str]; 3] = [&["a"], &["b"], &["a", "b"]];
    let listed = lists
        .iter()
        .flat_map(|values| [requirement(In, values), requirement(NotIn, values)]);
    let bare = [requirement(Exists, &[]), requirement(DoesNotExist, &[])];
    listed.chain(bare).collect()
}

#[test]
fn a_requirement_entails_what_every_label_that_meets_it_meets() {
    let values = [None, Some("a"), Some("b"), Some("c")];
    let labels = values.map(|value| -> Labels {
        value
            .map(|value| ("k".to_owned(), value.to_owned()))
            .into_iter()
            .collect()
    });
    for given in all() {
        for wanted in all() {
            let mut met = labels.iter().filter(|labels| given.matches(labels));
            let truth = met.all(|labels| wanted.matches(labels));
            assert_eq!(entails(&given, &wanted), truth, "{given:?} {wanted:?}");
        }
    }
}

fn block(cidr: &str, except: &[&str]) -> IpBlock {
    IpBlock {
        cidr: cidr.parse().unwrap(),
        except: except.iter().map(|hole| hole.parse().unwrap()).collect(),
    }
}

#[test]
fn holes_matter_unless_both_have_them() {
    let narrow = block("10.1.0.0/16", &["10.1.1.0/24"]);
    assert!(covers_block(&block("10.0.0.0/8", &[]), &narrow));
    assert!(covers_block(
        &block("10.0.0.0/8", &["10.2.0.0/16"]),
        &narrow
    ));
    assert!(covers_block(
        &block("10.0.0.0/8", &["10.1.1.0/25"]),
        &narrow
    ));
    assert!(!covers_block(
        &block("10.0.0.0/8", &["10.1.2.0/24"]),
        &narrow
    ));
    assert!(!covers_block(
        &block("10.0.0.0/8", &["10.1.0.0/16"]),
        &narrow
    ));
    assert!(!covers_block(&block("10.1.0.0/17", &[]), &narrow));
    assert!(!covers_block(&block("::/0", &[]), &narrow));
}

fn port(port: PortMatch) -> PolicyPort {
    PolicyPort {
        protocol: ringfence_net::Protocol::Tcp,
        port,
    }
}

fn range(first: u16, last: u16) -> PolicyPort {
    port(PortMatch::Range(
        ringfence_net::PortRange::new(first, last).unwrap(),
    ))
}

#[test]
fn ranges_cover_together_and_names_alone() {
    let wide = [
        range(1, 80),
        range(81, 100),
        port(PortMatch::Name("http".to_owned())),
    ];
    assert!(covers_port(&wide, &range(80, 81)));
    assert!(!covers_port(&wide, &range(80, 101)) && !covers_port(&wide, &port(PortMatch::Any)));
    assert!(covers_port(
        &wide,
        &port(PortMatch::Name("http".to_owned()))
    ));
    assert!(!covers_port(
        &wide,
        &port(PortMatch::Name("sql".to_owned()))
    ));
    let udp = PolicyPort {
        protocol: ringfence_net::Protocol::Udp,
        ..range(80, 80)
    };
    assert!(!covers_port(&wide, &udp));
    assert!(covers_port(
        &[port(PortMatch::Any)],
        &port(PortMatch::Name("sql".to_owned()))
    ));
}
