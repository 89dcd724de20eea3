//! Every `ipBlock` of a rule that allows something, with its place.

use std::net::IpAddr;

use ipnet::IpNet;
use ringfence_model::{ClusterPeer, LabelSelector, PolicyPeer};
use ringfence_net::Family;

use super::cluster_site::{ClusterSite, cluster_rules};
use super::context::{Context, PodGroup};
use super::problem::{Place, RuleSite};
use super::ranges::cover;

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

/// One network of a rule of a cluster-scoped policy.
#[derive(Clone, Debug)]
pub(super) struct NetworkSite<'a> {
    pub(super) site: ClusterSite<'a>,
    pub(super) place: Place,
    pub(super) cidr: IpNet,
}

/// Every network of a rule of a cluster-scoped policy.
pub(super) fn networks<'a>(context: &Context<'a>) -> Vec<NetworkSite<'a>> {
    let rules = context.cluster_policies().flat_map(cluster_rules);
    let peers = rules.flat_map(|site| site.peers().map(move |peer| (site, peer)));
    let networks = peers.filter_map(|(site, (index, peer))| match peer {
        ClusterPeer::Networks(networks) => Some((site, site.peer(index), networks)),
        ClusterPeer::Pods(_)
        | ClusterPeer::Nodes(_)
        | ClusterPeer::DomainNames(_)
        | ClusterPeer::Unrecognized => None,
    });
    let each = networks.flat_map(|(site, place, networks)| {
        let networks = networks.iter().enumerate();
        networks.map(move |(index, network)| {
            let mut place = place.clone();
            place.path = format!("{}.networks[{index}]", place.path);
            NetworkSite {
                site,
                place,
                cidr: *network,
            }
        })
    });
    each.collect()
}

/// The pods that have an address in `cidr` and not in `except`, or may have one since theirs are not known (rule NP-42).
/// `None` if others may be there that are not among the manifests.
pub(super) fn pods_in<'c, 'a>(
    context: &'c Context<'a>,
    cidr: IpNet,
    except: &[IpNet],
) -> Option<Vec<&'c PodGroup<'a>>> {
    let inside = |address: &IpAddr| {
        cidr.contains(address) && !except.iter().any(|hole| hole.contains(address))
    };
    let is_apart = is_apart(context, cidr, except);
    let may_be_in = |group: &&PodGroup<'_>| {
        group.pods.iter().any(|pod| {
            let is_unknown = pod.addresses.is_empty() && !is_apart;
            is_unknown || pod.addresses.iter().any(inside)
        })
    };
    let pods: Vec<&PodGroup<'_>> = context.pods().filter(may_be_in).collect();
    let everywhere = LabelSelector::default();
    let is_known = is_apart && pods.is_empty() || context.knows_pods_of(Some(&everywhere), "");
    is_known.then_some(pods)
}

/// Whether it is known where pods get their addresses of this family from, and the block has none of these.
fn is_apart(context: &Context<'_>, cidr: IpNet, except: &[IpNet]) -> bool {
    let family = Family::of(cidr.addr());
    let ranges = context.ranges.pods.iter();
    let mut ranges = ranges
        .filter(|range| Family::of(range.addr()) == family)
        .peekable();
    let apart = |range: &IpNet| {
        let common = if cidr.contains(range) { range } else { &cidr };
        let is_common = range.contains(common) && cidr.contains(common);
        !is_common || cover(except.iter().copied(), common)
    };
    ranges.peek().is_some() && ranges.all(apart)
}
