use std::net::IpAddr;

use ringfence_model::ObjectName;

/// Why no table could be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A wired pod's interface cannot be matched by the table's rules.
    #[error(
        "interface `{interface}` of pod `{pod}` is not a name of at most 15 bytes that begins with `vethrf`"
    )]
    Interface {
        /// The pod.
        pod: ObjectName,
        /// The name as given.
        interface: String,
    },
    /// Two wired pods claim one address (rule Q-6).
    #[error("pods `{first}` and `{second}` on this node both have the address {address}")]
    SharedAddress {
        /// The address.
        address: IpAddr,
        /// The pod that comes first by name.
        first: ObjectName,
        /// The other pod.
        second: ObjectName,
    },
    /// Two wired pods have one interface, so that each could speak with the other's address.
    #[error("pods `{}` and `{}` both have the interface `{interface}`", .pods.0, .pods.1)]
    SharedInterface {
        /// The interface.
        interface: String,
        /// The pods, by name.
        pods: Box<(ObjectName, ObjectName)>,
    },
    /// A set would need more elements than the kernel can count.
    #[error("set `{set}` would hold {elements} elements")]
    TooLarge {
        /// The set.
        set: String,
        /// How many elements it would need.
        elements: usize,
    },
}
