//! Addresses outside of the cluster: blocks of Cilium match nobody who has an identity of the cluster, neither pods nor nodes.

use ipnet::IpNet;
use ringfence_model::IpBlock;
use ringfence_net::Family;

use crate::block;
use crate::input::Given;
use crate::ladder::Peer;
use crate::written::{Field, Written};

const GROUP: &str = "CiliumCIDRGroup";

/// Whether `written` is a named list of blocks.
pub(super) fn is_group(written: &Written) -> bool {
    written.type_of().0 == GROUP
}

/// What is known of the cluster's addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outside<'g> {
    pub(super) given: &'g Given<'g>,
}

impl Outside<'_> {
    /// Whether no node has an address where pods have theirs.
    pub(super) fn is_apart(&self) -> bool {
        let options = self.given.options;
        let meet = |one: &IpNet, two: &IpNet| one.contains(two) || two.contains(one);
        let mut nodes = options.node_blocks.iter();
        !nodes.any(|node| options.pod_blocks.iter().any(|pod| meet(node, pod)))
    }

    /// `fromCIDR` and `toCIDR`.
    pub(super) fn cidrs(&self, field: &Field<'_>, items: &[Field<'_>]) -> Vec<Peer> {
        let Some(cluster) = self.cluster(field) else {
            return Vec::new();
        };
        let blocks = items
            .iter()
            .filter_map(|item| Some((item, block::net(item)?)));
        let outside = |(item, cidr)| outside(item, cidr, &[], &cluster);
        blocks.filter_map(outside).collect()
    }

    /// `fromCIDRSet` and `toCIDRSet`.
    pub(super) fn cidr_sets(&self, field: &Field<'_>, items: &[Field<'_>]) -> Vec<Peer> {
        let Some(cluster) = self.cluster(field) else {
            return Vec::new();
        };
        let read = |item: &Field<'_>| -> Vec<Peer> {
            item.only(
                &["cidr", "cidrGroupRef", "except"],
                &[(
                    "cidrGroupSelector",
                    "selects lists of blocks by label, and they may change",
                    "name each list with `cidrGroupRef`",
                )],
            );
            let holes = item.list("except");
            let holes: Vec<IpNet> = holes.iter().filter_map(block::net).collect();
            let blocks = self.blocks(item);
            refuse_holes(item, &blocks, &holes);
            let outside = |cidr| outside(item, cidr, &holes, &cluster);
            blocks.into_iter().filter_map(outside).collect()
        };
        items.iter().flat_map(read).collect()
    }

    /// The blocks of one item.
    fn blocks(&self, item: &Field<'_>) -> Vec<IpNet> {
        match (item.get("cidr"), item.get("cidrGroupRef")) {
            (Some(cidr), None) => block::net(&cidr).into_iter().collect(),
            (None, Some(name)) => self.group(&name),
            (Some(_), Some(_)) | (None, None) => {
                item.refuse(
                    "names not exactly one of `cidr` and `cidrGroupRef`",
                    "write the block of addresses as `cidr`",
                );
                Vec::new()
            }
        }
    }

    fn group(&self, name: &Field<'_>) -> Vec<IpNet> {
        let wanted = name.as_text().unwrap_or_default();
        let mut groups = self.given.foreign.iter();
        let found = groups.find(|one| is_group(one) && one.metadata("name") == wanted);
        let Some(group) = found else {
            name.refuse(
                &format!("names the CiliumCIDRGroup `{wanted}`, which is not among the files"),
                "name a file with it, too",
            );
            return Vec::new();
        };
        let spec = group.root().get("spec");
        let blocks = spec.map_or_else(Vec::new, |spec| spec.list("externalCIDRs"));
        let blocks: Vec<IpNet> = blocks.iter().filter_map(block::net).collect();
        if group.is_refused() {
            let why = format!("names the CiliumCIDRGroup `{wanted}`, which is refused");
            name.refuse(&why, "correct that one first");
        }
        blocks
    }

    /// Everybody of `families` who is neither pod nor node.
    pub(super) fn world(&self, field: &Field<'_>, families: &[Family]) -> Vec<Peer> {
        let Some(cluster) = self.cluster(field) else {
            return Vec::new();
        };
        let everything = families.iter().copied().map(block::everything);
        let left = everything.filter_map(|cidr| block::without(cidr, &cluster));
        left.map(Peer::Block).collect()
    }

    /// Every node.
    pub(super) fn nodes(&self, field: &Field<'_>) -> Vec<Peer> {
        if self.cluster(field).is_none() {
            return Vec::new();
        }
        let whole = |cidr: &IpNet| {
            Peer::Block(IpBlock {
                cidr: *cidr,
                except: Vec::new(),
            })
        };
        self.given.options.node_blocks.iter().map(whole).collect()
    }

    /// Where pods and nodes have their addresses. Without it `field` is refused.
    fn cluster(&self, field: &Field<'_>) -> Option<Vec<IpNet>> {
        let options = self.given.options;
        if options.pod_blocks.is_empty() || options.node_blocks.is_empty() {
            field.refuse(
                "tells the outside from pods and nodes, as addresses in Kubernetes policies do not, and theirs are not known",
                "name the addresses of pods and nodes with --pod-cidr and --node-cidr",
            );
            return None;
        }
        let blocks = options.pod_blocks.iter().chain(&options.node_blocks);
        Some(blocks.copied().collect())
    }
}

/// `cidr` without `holes` and without the cluster.
fn outside(item: &Field<'_>, cidr: IpNet, holes: &[IpNet], cluster: &[IpNet]) -> Option<Peer> {
    let left = block::without(cidr, &[holes, cluster].concat());
    if left.is_none() && block::without(cidr, holes).is_some() {
        item.warn(
            &format!("{cidr} holds addresses of pods and nodes alone, which blocks of Cilium do not match: it means nobody"),
            "select pods with `fromEndpoints` or `toEndpoints` if they are meant",
        );
    }
    left.map(Peer::Block)
}

fn refuse_holes(item: &Field<'_>, blocks: &[IpNet], holes: &[IpNet]) {
    let holds = |hole: &IpNet| blocks.iter().any(|cidr| cidr.contains(hole));
    let by_name = item.get("cidrGroupRef").is_some();
    if !by_name && !blocks.is_empty() && !holes.iter().all(holds) {
        item.refuse(
            "leaves out addresses that it does not hold, which Cilium takes for no valid policy",
            "write blocks inside of `cidr`",
        );
    }
}
