use super::*;

fn canonical(text: &str) -> String {
    text.parse::<PortArgument>().unwrap().to_string()
}

fn refusal(text: &str) -> String {
    let error = text.parse::<PortArgument>().unwrap_err();
    format!("{error:#}").lines().next().unwrap().to_owned()
}

#[test]
fn every_form_has_one_meaning_and_is_read_back() {
    let table = [
        ("80", "tcp/80"),
        (" 80 ", "tcp/80"),
        ("080", "tcp/80"),
        ("65535", "tcp/65535"),
        ("tcp/80", "tcp/80"),
        ("TCP/80", "tcp/80"),
        ("udp/53", "udp/53"),
        ("53/udp", "udp/53"),
        ("sctp/7777", "sctp/7777"),
        ("http", "tcp/http"),
        ("tcp/http", "tcp/http"),
        ("dns/UDP", "udp/dns"),
        ("8080-alt", "tcp/8080-alt"),
        ("8000-8100", "tcp/8000-8100"),
        ("udp/8000-8100", "udp/8000-8100"),
        ("8000-8100/udp", "udp/8000-8100"),
        ("80-80", "tcp/80"),
        ("icmp", "icmp"),
        ("ICMPv6", "icmpv6"),
        ("proto/1", "icmp"),
        ("proto/47", "gre"),
        ("proto/99", "proto/99"),
        ("tcp/gre", "tcp/gre"),
    ];
    for (text, expected) in table {
        assert_eq!(canonical(text), expected, "{text}");
        assert_eq!(canonical(expected), expected);
    }
}

#[test]
fn values_are_what_they_say() {
    let parse = |text: &str| text.parse::<PortArgument>().unwrap();
    let range = PortRange::new(8000, 8100).unwrap();
    assert_eq!(
        parse("udp/8000-8100"),
        PortArgument::Numbers(Protocol::Udp, range)
    );
    assert_eq!(
        parse("http"),
        PortArgument::Named(Protocol::Tcp, "http".to_owned())
    );
    assert_eq!(parse("icmp"), PortArgument::Portless(IpProtocol::ICMP));
}

#[test]
fn what_is_no_port_is_refused_with_the_reason() {
    let table = [
        ("", "a port is missing"),
        ("0", "port 0 cannot be connected to"),
        ("0-80", "port 0 cannot be connected to"),
        ("65536", "`65536` is not a port: the highest is 65535"),
        (
            "99999999999999999999",
            "`99999999999999999999` is not a port: the highest is 65535",
        ),
        ("90-80", "port range 90-80 ends below its start"),
        (
            "-80",
            "`-80` is neither the number of a port nor a name of one",
        ),
        (
            "80-",
            "`80-` is neither the number of a port nor a name of one",
        ),
        (
            "HTTP",
            "`HTTP` is neither the number of a port nor a name of one",
        ),
        (
            "tcp:80",
            "`tcp:80` is neither the number of a port nor a name of one",
        ),
        (
            "tcp",
            "`tcp` needs a port, such as tcp/80; every port is tcp/1-65535",
        ),
        ("tcp/", "a port is missing"),
        (
            "tcp/80/90",
            "`80/90` is neither the number of a port nor a name of one",
        ),
        ("tcp/udp", "`tcp/udp` names two protocols and no port"),
        ("tpc/80", "`tpc/80` names no protocol (did you mean `tcp`?)"),
        ("80/upd", "`80/upd` names no protocol (did you mean `udp`?)"),
        ("quic/443", "`quic/443` names no protocol"),
        ("icmp/8", "`icmp/8` names a port, and icmp has none"),
        ("proto/6", "protocol 6 is TCP and has ports: write tcp/80"),
        (
            "proto/256",
            "`256` is not the number of a protocol, which is 0 to 255",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), expected, "{text}");
    }
}

#[test]
fn a_list_holds_each_port_once_in_the_order_given() {
    let texts = |list: &str| -> Vec<String> {
        let found = ports(list).unwrap();
        found.iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        texts("443, 80,udp/53,tcp/443"),
        ["tcp/443", "tcp/80", "udp/53"]
    );
    assert!(ports("80,,443").is_err());
    assert!(ports("80,0").is_err());
}
