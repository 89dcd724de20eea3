//! Ports that ingress controllers lead to Services as they come: a flag names the ConfigMap that lists them.

use ringfence_model::{BackendPort, Container, EnvValue, ObjectName};
use ringfence_net::Protocol;

use super::store::Kind;
use super::{Described, Facts, Missing, Place, Reader, Scope, Setting};
use crate::workload::Unit;

/// The flags of ingress-nginx, and that of the controller of HAProxy Technologies.
const FLAGS: [(&str, Protocol); 3] = [
    ("tcp-services-configmap", Protocol::Tcp),
    ("udp-services-configmap", Protocol::Udp),
    ("configmap-tcp-services", Protocol::Tcp),
];

/// A port of a controller, and the Service behind it.
#[derive(Clone, Debug)]
pub(in crate::suggest) struct Stream {
    pub(in crate::suggest) unit: Unit,
    /// Which, such as `9000 of configmap/ingress-nginx/tcp-services`.
    pub(in crate::suggest) what: String,
    pub(in crate::suggest) place: Place,
    pub(in crate::suggest) protocol: Protocol,
    /// `None` where what is written names no Service and port.
    pub(in crate::suggest) to: Option<(ObjectName, BackendPort)>,
}

/// Whether a flag of this name says where the list is, and names no Service.
pub(in crate::suggest) fn is_flag(name: &str) -> bool {
    protocol(name).is_some()
}

fn protocol(name: &str) -> Option<Protocol> {
    let mut flags = FLAGS.into_iter();
    flags.find_map(|(flag, protocol)| (flag == name).then_some(protocol))
}

impl Reader<'_> {
    /// What the lists say that flags of `container`, which are among the words of its `commands`, name.
    pub(super) fn streams(
        &self,
        described: &Described<'_>,
        container: &Container,
        commands: &[Scope],
        facts: &mut Facts,
    ) {
        let settings = commands.iter().flat_map(|scope| &scope.settings);
        let lists = settings.filter_map(|setting| Some((setting, protocol(&setting.name)?)));
        for (setting, protocol) in lists {
            let name = with_own_namespace(setting, described, container);
            let (namespace, name) = name.split_once('/').unwrap_or((described.namespace, &name));
            let Some(data) = self.store.get(Kind::ConfigMap, namespace, name) else {
                facts.missing.push(Missing {
                    unit: described.unit.clone(),
                    what: setting.what.clone(),
                    object: format!("{}/{namespace}/{name}", Kind::ConfigMap.shown()),
                    place: setting.place.clone(),
                    name: None,
                });
                continue;
            };
            facts.streams.extend(data.keys().map(|port| Stream {
                unit: described.unit.clone(),
                what: format!("{port} of {}/{}", Kind::ConfigMap.shown(), data.name),
                place: data.place(port),
                protocol,
                to: data.text(port).and_then(service_and_port),
            }));
        }
    }
}

/// The value, in which variables stand for the pod's namespace: charts name the ConfigMap so.
fn with_own_namespace(
    setting: &Setting,
    described: &Described<'_>,
    container: &Container,
) -> String {
    let own = container.env.iter().filter(
        |variable| matches!(&variable.value, EnvValue::Field(path) if path == "metadata.namespace"),
    );
    own.fold(setting.value.clone(), |value, variable| {
        value.replace(&format!("$({})", variable.name), described.namespace)
    })
}

/// `NAMESPACE/SERVICE:PORT`, behind which `:PROXY` and the like may stand.
fn service_and_port(text: &str) -> Option<(ObjectName, BackendPort)> {
    let (namespace, rest) = text.trim().split_once('/')?;
    let mut parts = rest.split(':');
    let (name, port) = (parts.next()?, parts.next()?);
    let port = match port.parse() {
        Ok(0) => return None,
        Ok(number) => BackendPort::Number(number),
        Err(_) if port.is_empty() => return None,
        Err(_) => BackendPort::Name(port.to_owned()),
    };
    Some((ObjectName::new(namespace, name), port))
}
