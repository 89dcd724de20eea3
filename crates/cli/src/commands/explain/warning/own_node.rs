//! Rule HF-9: what stands on the node of a pod at an address that no object tells of.

use ringfence_model::Connection;
use ringfence_policy::Engine;
use ringfence_reach::own_node;

use super::Warning;
use crate::output::doubt::Doubt;

/// The firewall of the pod's own node, where what is dialled is let pass and may stand there.
pub(super) fn closed(engine: &Engine, connection: &Connection) -> Option<Warning> {
    let doubt = own_node::doubt(engine, connection)?;
    Some(Doubt::of_own_node(&doubt).into())
}
