//! Where clouds hand out what belongs to a machine: its credentials, its start-up script, its certificates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// An address at which a machine of a cloud is told about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MetadataAddress {
    /// The address.
    pub address: IpAddr,
    /// The clouds that use it.
    pub providers: &'static str,
    /// What is there.
    pub what: &'static str,
    /// Whether the cloud's name server has the same address, at port 53.
    pub has_dns: bool,
    /// Where that is written.
    pub source: &'static str,
}

impl MetadataAddress {
    /// The block of this address alone.
    #[must_use]
    pub fn block(&self) -> IpNet {
        IpNet::from(self.address)
    }
}

/// Every address that the guard knows. Node-local name servers (169.254.20.10 of NodeLocal DNSCache, 169.254.169.253 of
/// AWS) and time servers (169.254.169.123) are not among them.
pub const ADDRESSES: [MetadataAddress; 10] = [
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
        providers: "AWS, Azure, Google Cloud, Oracle Cloud, DigitalOcean, Hetzner, IBM Cloud, OpenStack",
        what: "instance metadata and credentials",
        has_dns: true,
        source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html",
    },
    MetadataAddress {
        address: v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]),
        providers: "AWS",
        what: "instance metadata and credentials over IPv6",
        has_dns: false,
        source: "https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html",
    },
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
        providers: "AWS",
        what: "credentials and metadata of ECS tasks",
        has_dns: false,
        source: "https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html",
    },
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
        providers: "AWS",
        what: "EKS Pod Identity agent",
        has_dns: false,
        source: "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html",
    },
    MetadataAddress {
        address: v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]),
        providers: "AWS",
        what: "EKS Pod Identity agent over IPv6",
        has_dns: false,
        source: "https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html",
    },
    MetadataAddress {
        address: v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]),
        providers: "Google Cloud",
        what: "instance metadata and credentials over IPv6",
        has_dns: true,
        source: "https://cloud.google.com/compute/docs/metadata/querying-metadata",
    },
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
        providers: "Azure",
        what: "wire server: certificates and extensions of the machine",
        has_dns: true,
        source: "https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16",
    },
    MetadataAddress {
        address: v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
        providers: "Oracle Cloud",
        what: "instance metadata and credentials over IPv6",
        has_dns: true,
        source: "https://docs.oracle.com/iaas/Content/Compute/Tasks/gettingmetadata.htm",
    },
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
        providers: "Alibaba Cloud",
        what: "instance metadata and credentials",
        has_dns: false,
        source: "https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata",
    },
    MetadataAddress {
        address: IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
        providers: "Scaleway",
        what: "instance metadata",
        has_dns: false,
        source: "https://www.scaleway.com/en/docs/instances/how-to/use-cloud-init/",
    },
];

const fn v6(segments: [u16; 8]) -> IpAddr {
    let [a, b, c, d, e, f, g, h] = segments;
    IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h))
}
