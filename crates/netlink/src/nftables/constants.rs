//! Numbers of `linux/netfilter/nf_tables.h`, `nfnetlink.h` and nft's own `datatype.h`.

pub(super) const NFPROTO_INET: u8 = 1;
pub(super) const NFPROTO_IPV4: u8 = 2;
pub(super) const NFPROTO_IPV6: u8 = 10;
pub(super) const IPPROTO_TCP: u8 = 6;
pub(super) const IPPROTO_ICMPV6: u8 = 58;

pub(super) const BATCH_BEGIN: u16 = 0x10;
pub(super) const BATCH_END: u16 = 0x11;
pub(super) const SUBSYSTEM: u16 = 10;
pub(super) const GROUP_NFTABLES: u32 = 7;

/// Type of a message of the nf_tables subsystem.
pub(super) const fn message(kind: u16) -> u16 {
    SUBSYSTEM << 8 | kind
}

pub(super) mod msg {
    pub(in crate::nftables) const NEW_TABLE: u16 = 0;
    pub(in crate::nftables) const GET_TABLE: u16 = 1;
    pub(in crate::nftables) const DEL_TABLE: u16 = 2;
    pub(in crate::nftables) const NEW_CHAIN: u16 = 3;
    pub(in crate::nftables) const GET_CHAIN: u16 = 4;
    pub(in crate::nftables) const DEL_CHAIN: u16 = 5;
    pub(in crate::nftables) const NEW_RULE: u16 = 6;
    pub(in crate::nftables) const GET_RULE: u16 = 7;
    pub(in crate::nftables) const DEL_RULE: u16 = 8;
    pub(in crate::nftables) const NEW_SET: u16 = 9;
    pub(in crate::nftables) const GET_SET: u16 = 10;
    pub(in crate::nftables) const DEL_SET: u16 = 11;
    pub(in crate::nftables) const NEW_ELEMENTS: u16 = 12;
    pub(in crate::nftables) const GET_ELEMENTS: u16 = 13;
    pub(in crate::nftables) const DEL_ELEMENTS: u16 = 14;
    pub(in crate::nftables) const NEW_GENERATION: u16 = 15;
    pub(in crate::nftables) const GET_GENERATION: u16 = 16;
}

pub(super) mod table {
    pub(in crate::nftables) const NAME: u16 = 1;
    pub(in crate::nftables) const FLAGS: u16 = 2;
    pub(in crate::nftables) const USERDATA: u16 = 6;
    pub(in crate::nftables) const OWNER: u16 = 7;

    pub(in crate::nftables) const FLAG_DORMANT: u32 = 0x1;
    pub(in crate::nftables) const FLAG_OWNER: u32 = 0x2;
    pub(in crate::nftables) const FLAG_PERSIST: u32 = 0x4;
}

pub(super) mod chain {
    pub(in crate::nftables) const TABLE: u16 = 1;
    pub(in crate::nftables) const NAME: u16 = 3;
    pub(in crate::nftables) const HOOK: u16 = 4;
    pub(in crate::nftables) const POLICY: u16 = 5;
    pub(in crate::nftables) const TYPE: u16 = 7;
    pub(in crate::nftables) const HOOK_NUMBER: u16 = 1;
    pub(in crate::nftables) const HOOK_PRIORITY: u16 = 2;
}

pub(super) mod rule {
    pub(in crate::nftables) const TABLE: u16 = 1;
    pub(in crate::nftables) const CHAIN: u16 = 2;
    pub(in crate::nftables) const HANDLE: u16 = 3;
    pub(in crate::nftables) const EXPRESSIONS: u16 = 4;
    pub(in crate::nftables) const USERDATA: u16 = 7;
}

pub(super) mod set {
    pub(in crate::nftables) const TABLE: u16 = 1;
    pub(in crate::nftables) const NAME: u16 = 2;
    pub(in crate::nftables) const FLAGS: u16 = 3;
    pub(in crate::nftables) const KEY_TYPE: u16 = 4;
    pub(in crate::nftables) const KEY_LENGTH: u16 = 5;
    pub(in crate::nftables) const DATA_TYPE: u16 = 6;
    pub(in crate::nftables) const DATA_LENGTH: u16 = 7;
    pub(in crate::nftables) const DESCRIPTION: u16 = 9;
    pub(in crate::nftables) const ID: u16 = 10;
    pub(in crate::nftables) const USERDATA: u16 = 13;
    pub(in crate::nftables) const EXPRESSION: u16 = 17;
    /// Number of elements; only newer kernels tell it.
    pub(in crate::nftables) const COUNT: u16 = 20;
    pub(in crate::nftables) const DESCRIPTION_SIZE: u16 = 1;
    pub(in crate::nftables) const DESCRIPTION_CONCAT: u16 = 2;
    pub(in crate::nftables) const FIELD_LENGTH: u16 = 1;

    pub(in crate::nftables) const FLAG_ANONYMOUS: u32 = 0x1;
    pub(in crate::nftables) const FLAG_INTERVAL: u32 = 0x4;
    pub(in crate::nftables) const FLAG_MAP: u32 = 0x8;
    pub(in crate::nftables) const FLAG_TIMEOUT: u32 = 0x10;
    pub(in crate::nftables) const FLAG_EVAL: u32 = 0x20;
    pub(in crate::nftables) const FLAG_CONCAT: u32 = 0x80;
    /// Type of a verdict map's data.
    pub(in crate::nftables) const TYPE_VERDICT: u32 = 0xffff_ff00;
}

pub(super) mod element {
    pub(in crate::nftables) const LIST_TABLE: u16 = 1;
    pub(in crate::nftables) const LIST_SET: u16 = 2;
    pub(in crate::nftables) const LIST_ELEMENTS: u16 = 3;
    pub(in crate::nftables) const LIST_ELEMENT: u16 = 1;
    pub(in crate::nftables) const KEY: u16 = 1;
    pub(in crate::nftables) const DATA: u16 = 2;
    pub(in crate::nftables) const FLAGS: u16 = 3;
    /// Milliseconds.
    pub(in crate::nftables) const TIMEOUT: u16 = 4;
    pub(in crate::nftables) const USERDATA: u16 = 6;
    pub(in crate::nftables) const EXPRESSION: u16 = 7;
    pub(in crate::nftables) const KEY_END: u16 = 10;
    pub(in crate::nftables) const EXPRESSIONS: u16 = 11;
    pub(in crate::nftables) const FLAG_INTERVAL_END: u32 = 0x1;
    pub(in crate::nftables) const FLAG_CATCHALL: u32 = 0x2;
}

pub(super) mod data {
    pub(in crate::nftables) const VALUE: u16 = 1;
    pub(in crate::nftables) const VERDICT: u16 = 2;
    pub(in crate::nftables) const VERDICT_CODE: u16 = 1;
    pub(in crate::nftables) const VERDICT_CHAIN: u16 = 2;
    // Verdict codes are signed numbers sent as unsigned ones.
    pub(in crate::nftables) const DROP: u32 = 0;
    pub(in crate::nftables) const ACCEPT: u32 = 1;
    pub(in crate::nftables) const CONTINUE: u32 = 0xffff_ffff;
    pub(in crate::nftables) const JUMP: u32 = 0xffff_fffd;
    pub(in crate::nftables) const GOTO: u32 = 0xffff_fffc;
    pub(in crate::nftables) const RETURN: u32 = 0xffff_fffb;
}

/// Types inside user data, which only programs read (libnftnl `udata.h`).
pub(super) mod userdata {
    pub(in crate::nftables) const TABLE_COMMENT: u8 = 0;
    pub(in crate::nftables) const RULE_COMMENT: u8 = 0;
    pub(in crate::nftables) const ELEMENT_COMMENT: u8 = 0;
    pub(in crate::nftables) const SET_KEY_BYTEORDER: u8 = 0;
    pub(in crate::nftables) const SET_DATA_BYTEORDER: u8 = 1;
    pub(in crate::nftables) const SET_DATA_INTERVAL: u8 = 6;
}

/// Expressions of rules.
pub(super) mod expr {
    pub(in crate::nftables) const LIST_ELEMENT: u16 = 1;
    pub(in crate::nftables) const NAME: u16 = 1;
    pub(in crate::nftables) const DATA: u16 = 2;

    pub(in crate::nftables) const COUNTER: &str = "counter";
    pub(in crate::nftables) const COUNTER_BYTES: u16 = 1;
    pub(in crate::nftables) const COUNTER_PACKETS: u16 = 2;
    pub(in crate::nftables) const META_PRIORITY: u32 = 2;
    pub(in crate::nftables) const META_IIFNAME: u32 = 6;
    pub(in crate::nftables) const META_OIFNAME: u32 = 7;
    pub(in crate::nftables) const META_NFPROTO: u32 = 15;
    pub(in crate::nftables) const META_L4PROTO: u32 = 16;
    pub(in crate::nftables) const CT_STATE: u32 = 0;
    pub(in crate::nftables) const NETWORK_HEADER: u32 = 1;
    pub(in crate::nftables) const TRANSPORT_HEADER: u32 = 2;
    pub(in crate::nftables) const CMP_EQ: u32 = 0;
    pub(in crate::nftables) const CMP_NEQ: u32 = 1;
    pub(in crate::nftables) const CMP_LTE: u32 = 3;
    pub(in crate::nftables) const CMP_GTE: u32 = 5;
    pub(in crate::nftables) const RANGE_NEQ: u32 = 1;
    pub(in crate::nftables) const LOOKUP_INVERT: u32 = 1;
    pub(in crate::nftables) const HTON: u32 = 1;
    pub(in crate::nftables) const NAT_DESTINATION: u32 = 1;
    pub(in crate::nftables) const NUMGEN_RANDOM: u32 = 1;
    pub(in crate::nftables) const SOCKET_CGROUP: u32 = 3;
    pub(in crate::nftables) const DYNSET_UPDATE: u32 = 1;
    pub(in crate::nftables) const DYNSET_DELETE: u32 = 2;
    pub(in crate::nftables) const REJECT_TCP_RESET: u32 = 1;
    pub(in crate::nftables) const REJECT_ICMPX: u32 = 2;
    pub(in crate::nftables) const ICMPX_PORT_UNREACHABLE: u8 = 1;
    /// The unit of a limit, in seconds.
    pub(in crate::nftables) const LIMIT_SECOND: u64 = 1;
    pub(in crate::nftables) const LIMIT_PACKETS: u32 = 0;
}

/// The verdict register.
pub(super) const VERDICT_REGISTER: u32 = 0;
/// `NFT_REG32_00`, the first 4-byte register; it is the same memory as `NFT_REG_1`.
pub(super) const FIRST_REGISTER: u32 = 8;
/// Number of 4-byte registers.
pub(super) const REGISTERS: u32 = 16;
