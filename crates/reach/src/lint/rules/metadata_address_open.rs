//! RF018: egress to every address, the cloud's metadata service among them (rule AM-25).

use std::net::{IpAddr, Ipv4Addr};

use ringfence_model::Direction;

use crate::lint::block::{BlockSite, blocks};
use crate::lint::context::Context;
use crate::lint::problem::Problem;

/// Where a machine of the large clouds asks for its own credentials.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));

pub(in crate::lint) fn run(context: &Context<'_>) -> Vec<Problem> {
    let blocks = blocks(context).into_iter();
    let egress = blocks.filter(|site| site.site.direction == Direction::Egress);
    egress.filter_map(|site| problem(&site)).collect()
}

fn problem(site: &BlockSite<'_>) -> Option<Problem> {
    let everything = site.cidr.prefix_len() == 0 && site.cidr.contains(&METADATA);
    let excepted = site.except.iter().any(|hole| hole.contains(&METADATA));
    if !everything || excepted {
        return None;
    }
    let message =
        format!("{METADATA} is among these addresses: clouds hand out a node's credentials there");
    let help = format!("add `except: [{METADATA}/32]`, unless the pods need it");
    Some(site.place().problem(message).with_help(help))
}
