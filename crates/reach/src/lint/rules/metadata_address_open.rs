//! RF018: egress to every address, or to as good as every one, the cloud's metadata service among them (rule AM-25).

use std::net::{IpAddr, Ipv4Addr};

use ringfence_model::{Direction, Endpoint, Outcome, Pod, Query};
use ringfence_net::Protocol;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::port::connections;
use crate::lint::problem::Problem;

/// Where a machine of the large clouds asks for its own credentials.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

/// Where it answers.
const PORT: u16 = 80;

/// Whoever names link-local addresses (169.254.0.0/16) or a part of them means them.
const LINK_LOCAL: u8 = 16;

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    let egress = blocks.filter(|site| site.site.direction == Direction::Egress);
    let open = egress.filter(|site| is_open(site) && !is_denied(context, site));
    open.map(|site| problem(&site)).collect()
}

fn is_open(site: &BlockSite<'_>) -> bool {
    let is_wide = site.cidr.prefix_len() < LINK_LOCAL && site.cidr.contains(&METADATA);
    let is_served = connections(site.site.rule).allows(Protocol::Tcp.into(), Some(PORT));
    let excepted = site.except.iter().any(|hole| hole.contains(&METADATA));
    is_wide && is_served && !excepted
}

fn problem(site: &BlockSite<'_>) -> Problem {
    let message =
        format!("{METADATA} is among these addresses: clouds hand out a node's credentials there");
    let help = format!("add `except: [{METADATA}/32]`, unless the pods need it");
    site.place().problem(message).with_help(help)
}

/// Whether a rule of the whole cluster keeps all pods of the policy from the address.
fn is_denied(context: &Context<'_>, site: &BlockSite<'_>) -> bool {
    let selected = context.selected(site.site.policy);
    let mut pods = selected.iter().filter_map(|group| group.pods.first());
    let refused = |pod: &Pod| {
        let query = Query {
            source: Endpoint::Pod(pod.name.clone()),
            destination: Endpoint::Address(METADATA),
            protocol: Protocol::Tcp.into(),
            port: Some(PORT),
        };
        let answer = context.engine.answer(&query);
        answer.is_ok_and(|answer| answer.outcome == Outcome::Deny)
    };
    !selected.is_empty() && pods.all(|pod| refused(pod))
}
