//! The lints, one file each; [`super::table`] has their order.

pub(super) mod allow_all;
pub(super) mod block_includes_pods;
pub(super) mod block_of_pods;
pub(super) mod block_of_services;
pub(super) mod contradictory_selector;
pub(super) mod empty_egress_list;
pub(super) mod everyone_is_pods_only;
pub(super) mod except_reopened;
pub(super) mod inert_rules;
pub(super) mod label_anybody_sets;
pub(super) mod label_nobody_sets;
pub(super) mod metadata_address_open;
pub(super) mod named_port_differs;
pub(super) mod named_port_nowhere;
pub(super) mod no_default_deny;
pub(super) mod one_family_block;
pub(super) mod own_namespace_only;
pub(super) mod peer_and_or;
pub(super) mod peer_is_host_pod;
pub(super) mod peer_selects_nothing;
pub(super) mod policy_selects_host_pods;
pub(super) mod policy_selects_nothing;
pub(super) mod service_port;
pub(super) mod unintended_ingress_deny;
