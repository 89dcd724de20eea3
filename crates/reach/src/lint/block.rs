//! Every `ipBlock` of a rule that allows something, with its place.

use ipnet::IpNet;
use ringfence_model::{ClusterPeer, PolicyPeer};

use super::cluster_site::cluster_rules;
use super::context::Context;
use super::problem::{Place, RuleSite};

/// One `ipBlock`.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockSite<'a> {
    pub(super) site: RuleSite<'a>,
    pub(super) cidr: IpNet,
    pub(super) except: &'a [IpNet],
    index: usize,
}

impl BlockSite<'_> {
    /// `spec.ingress[0].from[1].ipBlock`
    pub(super) fn place(&self) -> Place {
        let mut place = self.site.peer(self.index);
        place.path.push_str(".ipBlock");
        place
    }
}

pub(super) fn blocks<'a>(context: &Context<'a>) -> Vec<BlockSite<'a>> {
    let peers = context
        .rules()
        .flat_map(|site| site.peers().map(move |peer| (site, peer)));
    peers
        .filter_map(|(site, (index, peer))| match peer {
            PolicyPeer::IpBlock(block) => Some(BlockSite {
                site,
                cidr: block.cidr,
                except: &block.except,
                index,
            }),
            PolicyPeer::Pods(_) => None,
        })
        .collect()
}

/// Every network of a rule of a cluster-scoped policy, with its place.
pub(super) fn networks(context: &Context<'_>) -> Vec<(Place, IpNet)> {
    let rules = context.cluster_policies().flat_map(cluster_rules);
    let peers = rules.flat_map(|site| site.peers().map(move |peer| (site, peer)));
    let networks = peers.filter_map(|(site, (index, peer))| match peer {
        ClusterPeer::Networks(networks) => Some((site.peer(index), networks)),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    });
    let each = networks.flat_map(|(place, networks)| {
        let networks = networks.iter().enumerate();
        networks.map(move |(index, network)| {
            let mut place = place.clone();
            place.path = format!("{}.networks[{index}]", place.path);
            (place, *network)
        })
    });
    each.collect()
}
