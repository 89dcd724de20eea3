//! IP addresses and CIDR blocks, stricter than the API server (rules V-21, AM-24).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::quote;
use crate::diagnostic::Severity;
use crate::report::{Problem, Report};
use crate::view::View;

const NOT_A_CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
const NOT_AN_IP: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
const LEADING_ZEROS: &str = "must not have leading 0s";
const MAPPED: &str = "must not be an IPv4-mapped IPv6 address";

/// The block written at `at`, its host bits cleared under a warning; other oddities are errors (rule AM-24).
pub(crate) fn cidr(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<IpNet> {
    let text = at.text_or_empty();
    let net = match parse_cidr(text) {
        Ok(net) => net,
        Err(detail) => {
            report.invalid(rule, at, &quote(text), detail);
            return None;
        }
    };
    if net.trunc() != net {
        let message = format!(
            "CIDR value {} is ambiguous in this context (should be \"{}\" or \"{}/{}\"?)",
            quote(text),
            net.trunc(),
            net.addr(),
            net.max_prefix_len()
        );
        report.add(
            Problem::new("AM-24", &at.path, at.span, message)
                .with_severity(Severity::Warning)
                .with_label(format!("read as {}", net.trunc())),
        );
    }
    Some(net.trunc())
}

/// The address written at `at`.
pub(crate) fn ip(report: &mut Report, rule: &'static str, at: &View<'_>) -> Option<IpAddr> {
    let text = at.text_or_empty();
    match parse_ip(text, NOT_AN_IP) {
        Ok(address) => Some(address),
        Err(detail) => {
            report.invalid(rule, at, &quote(text), detail);
            None
        }
    }
}

pub(crate) fn parse_cidr(text: &str) -> Result<IpNet, &'static str> {
    let (address, length) = text.split_once('/').ok_or(NOT_A_CIDR)?;
    let address = parse_ip(address, NOT_A_CIDR)?;
    if length.is_empty() || !length.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_A_CIDR);
    }
    if length.len() > 1 && length.starts_with('0') {
        return Err(LEADING_ZEROS);
    }
    let length = length.parse().map_err(|_| NOT_A_CIDR)?;
    IpNet::new(address, length).map_err(|_| NOT_A_CIDR)
}

fn parse_ip(text: &str, otherwise: &'static str) -> Result<IpAddr, &'static str> {
    match text.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => Err(MAPPED),
        Ok(address) => Ok(address),
        Err(_) if without_leading_zeros(text).parse::<Ipv4Addr>().is_ok() => Err(LEADING_ZEROS),
        Err(_) => Err(otherwise),
    }
}

fn without_leading_zeros(text: &str) -> String {
    let parts: Vec<&str> = text
        .split('.')
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            rest => rest,
        })
        .collect();
    parts.join(".")
}
