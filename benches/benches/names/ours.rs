use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::channel;

use anyhow::Context as _;
use ringfence_dns::{Handle, ServeOptions, Sharing, Sockets, Upstream, Zone, ZoneOptions, serve};
use ringfence_model::{Cluster, ClusterIp, Labels, Namespace, ObjectName, Service, Traffic};

use crate::{LOCAL, SERVICES, address};

/// Our server on a thread of its own, as the process runs it.
pub(crate) fn start(upstream: SocketAddr) -> anyhow::Result<SocketAddr> {
    let (sender, bound) = channel();
    std::thread::spawn(move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let sockets = Sockets::bind(&[SocketAddr::new(LOCAL, 0)], Sharing::Alone)?;
            sender.send(sockets.addresses())?;
            let handle = Handle::new();
            handle.replace(Zone::of_cluster(&cluster(), &ZoneOptions::default()));
            let options = ServeOptions {
                upstream: Upstream::new(vec![upstream]),
                ..ServeOptions::default()
            };
            serve(sockets, handle, options, std::future::pending()).await?;
            Ok(())
        })
    });
    let addresses = bound.recv().context("our server does not start")?;
    addresses
        .first()
        .copied()
        .context("our server has no address")
}

fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    let namespace = Namespace::new("shop", Labels::new());
    cluster.namespaces.insert("shop".to_owned(), namespace);
    for index in 0..SERVICES {
        let name = ObjectName::new("shop", format!("s{index}"));
        let service = Service {
            name: name.clone(),
            selector: Labels::new(),
            cluster_ip: ClusterIp::Assigned(vec![IpAddr::V4(address(index))]),
            external_addresses: Vec::new(),
            ports: Vec::new(),
            traffic: Traffic::default(),
            publish_not_ready_addresses: false,
            endpoints: Vec::new(),
            external_name: None,
            source: None,
        };
        cluster.services.insert(name, service);
    }
    cluster
}
