//! What pods are told: variables, arguments, and the files of ConfigMaps and Secrets, each with its place.

mod commands;
mod files;
mod store;
mod streams;
mod variables;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;

use ringfence_model::{Documents, Object, ObjectName, PodSpec, Source, VolumeSource, Workload};

use super::Subject;
use super::inhabitants::{Inhabitants, unit_of};
use crate::workload::Unit;
use store::Store;
pub(super) use streams::{Stream, is_flag as lists_streams};
use variables::Variables;

/// Settings that speak of one another: the variables of a container, its arguments, or a file.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) unit: Unit,
    pub(super) settings: Vec<Setting>,
    /// The names that a file gives to parts of itself, which are nobody's there.
    pub(super) defined: BTreeSet<String>,
}

/// A name and a value that a program is told.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// What it is, such as `env API_URL`; never its value.
    pub(super) what: String,
    /// Its name; empty if it has none.
    pub(super) name: String,
    pub(super) value: String,
    /// Whether some of the value comes from a Secret.
    pub(super) secret: bool,
    pub(super) place: Place,
}

/// Where a value is written.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Where its object begins.
    pub(super) object: Option<Source>,
    /// The field of the object.
    pub(super) path: String,
    /// The line of the value, counted from 0.
    pub(super) line: usize,
}

/// A ConfigMap or Secret that a pod uses and that is not given.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    pub(super) unit: Unit,
    pub(super) what: String,
    pub(super) object: String,
    pub(super) place: Place,
    /// The variable that it is for; `None` if for files or many variables.
    pub(super) name: Option<String>,
}

/// A pod's account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) unit: Unit,
    pub(super) account: ObjectName,
}

/// Whom pods ask for names if not the cluster's name server (rule NP-67).
#[derive(Clone, Debug)]
pub(super) enum NameServers {
    /// Those of the pod's node.
    OfNode,
    /// Those at these addresses.
    At(Vec<IpAddr>),
}

/// Everything that pods are told.
#[derive(Clone, Debug, Default)]
pub(super) struct Facts {
    pub(super) scopes: Vec<Scope>,
    pub(super) missing: Vec<Missing>,
    /// The accounts whose tokens pods have.
    pub(super) accounts: Vec<Account>,
    /// The name servers of workloads that do not ask the cluster's.
    pub(super) name_servers: BTreeMap<Unit, NameServers>,
    /// The images that containers run, by workload.
    pub(super) images: Vec<(Unit, String)>,
    /// Ports that ingress controllers lead to Services.
    pub(super) streams: Vec<Stream>,
}

/// A pod or the template of one.
pub(super) struct Described<'a> {
    unit: Unit,
    namespace: &'a str,
    spec: &'a PodSpec,
    object: Option<&'a Source>,
    /// Where the specification stands in the object.
    path: &'static str,
}

impl Facts {
    /// What `subject`'s pods are told. A pod that its workload is given for too is told the same as the template.
    pub(super) fn of(
        subject: &Subject<'_>,
        documents: &Documents,
        inhabitants: &Inhabitants<'_>,
        default_namespace: &str,
    ) -> Self {
        let reader = Reader {
            store: Store::of(subject.objects, documents),
            documents,
            about_tokens: documents.files_saying(TOKEN_FIELD),
            without_token: without_token(documents, default_namespace),
            about_names: documents.files_saying(NAMES_FIELD),
            about_hooks: documents.files_saying(commands::RUN),
            inhabitants,
            made: RefCell::default(),
        };
        let mut facts = Self::default();
        let (pods, templates): (Vec<Described<'_>>, Vec<Described<'_>>) =
            described(subject.objects, inhabitants).partition(|found| found.path == "spec");
        for described in templates.iter().chain(&pods) {
            reader.read(described, &mut facts);
        }
        facts.once();
        facts
    }

    /// Keeps of what the template of a workload and each of its pods say alike what was read first.
    fn once(&mut self) {
        let mut told = BTreeSet::new();
        self.scopes.retain(|scope| {
            let settings = scope.settings.iter();
            let said = settings.map(|one| (one.what.clone(), one.name.clone(), one.value.clone()));
            let said: Vec<(String, String, String)> = said.collect();
            told.insert((scope.unit.clone(), said, scope.defined.clone()))
        });
        let mut told = BTreeSet::new();
        self.missing.retain(|one| {
            let said = (one.what.clone(), one.object.clone(), one.name.clone());
            told.insert((one.unit.clone(), said))
        });
    }
}

fn without_token(documents: &Documents, default_namespace: &str) -> BTreeSet<ObjectName> {
    let said = documents.objects_saying(&[TOKEN_FIELD]);
    let accounts = said.filter_map(|field| {
        let object = ringfence_model::Described::of(&field, default_namespace)?;
        let is_off = object.is("", &["ServiceAccount"])
            && object
                .field
                .get(TOKEN_FIELD)
                .is_some_and(|field| field.is_false());
        is_off.then_some(object.name)
    });
    accounts.collect()
}

fn described<'a>(
    objects: &'a [Object],
    inhabitants: &'a Inhabitants<'a>,
) -> impl Iterator<Item = Described<'a>> {
    let given: BTreeSet<(&str, String, &str)> = objects.iter().filter_map(workload).collect();
    let is_made = move |found: &Workload| {
        found.owner.as_ref().is_some_and(|owner| {
            given.contains(&(
                found.name.namespace.as_str(),
                owner.kind.clone(),
                owner.name.as_str(),
            ))
        })
    };
    objects.iter().filter_map(move |object| match object {
        // What its owner says now is what counts: ReplicaSets of earlier revisions stay for a long time.
        Object::Workload(found) if is_made(found) => None,
        Object::Pod(found) => Some(Described {
            unit: unit_of(inhabitants.cluster.pods.get(&found.pod.name)?),
            namespace: &found.pod.name.namespace,
            spec: &found.spec,
            object: found.pod.source.as_ref(),
            path: "spec",
        }),
        Object::Workload(found) => {
            let (kind, name) = match &found.owner {
                Some(owner) => (owner.kind.clone(), &owner.name),
                None => (found.kind_name().to_owned(), &found.name.name),
            };
            Some(Described {
                unit: Unit::workload(&found.name.namespace, &kind, name),
                namespace: &found.name.namespace,
                spec: &found.template.spec,
                object: found.source.as_ref(),
                path: match found.kind {
                    ringfence_model::WorkloadKind::CronJob => "spec.jobTemplate.spec.template.spec",
                    ringfence_model::WorkloadKind::Deployment
                    | ringfence_model::WorkloadKind::ReplicaSet
                    | ringfence_model::WorkloadKind::ReplicationController
                    | ringfence_model::WorkloadKind::StatefulSet
                    | ringfence_model::WorkloadKind::DaemonSet
                    | ringfence_model::WorkloadKind::Job
                    | ringfence_model::WorkloadKind::Custom => "spec.template.spec",
                },
            })
        }
        Object::Namespace(_)
        | Object::Node(_)
        | Object::Service(_)
        | Object::NetworkPolicy(_)
        | Object::ClusterPolicy(_)
        | Object::HostFirewall(_)
        | Object::Endpoints(_)
        | Object::Secret(_)
        | Object::ConfigMap(_)
        | Object::ServiceAccount(_)
        | Object::KindCluster(_) => None,
    })
}

/// The namespace, kind and name of `object`, if it is a workload.
fn workload(object: &Object) -> Option<(&str, String, &str)> {
    let Object::Workload(found) = object else {
        return None;
    };
    Some((
        found.name.namespace.as_str(),
        found.kind_name().to_owned(),
        found.name.name.as_str(),
    ))
}

/// What is needed to read a pod's specification.
pub(super) struct Reader<'a> {
    store: Store<'a>,
    documents: &'a Documents,
    /// The files in which [`TOKEN_FIELD`] may be written.
    about_tokens: BTreeSet<&'a str>,
    /// The files in which [`NAMES_FIELD`] may be written.
    about_names: BTreeSet<&'a str>,
    /// The accounts whose tokens are not mounted unless a pod asks for it.
    without_token: BTreeSet<ObjectName>,
    /// The files in which hooks and probes may run commands.
    about_hooks: BTreeSet<&'a str>,
    inhabitants: &'a Inhabitants<'a>,
    /// The variables that the kubelet makes for pods of a namespace.
    made: RefCell<BTreeMap<String, Rc<BTreeMap<String, Setting>>>>,
}

/// Whether a pod gets a token of its account.
const TOKEN_FIELD: &str = "automountServiceAccountToken";

/// Whom a pod asks for names.
const NAMES_FIELD: &str = "dnsPolicy";

impl Reader<'_> {
    fn read(&self, described: &Described<'_>, facts: &mut Facts) {
        self.account(described, facts);
        if let Some(servers) = self.name_servers(described) {
            facts.name_servers.insert(described.unit.clone(), servers);
        }
        let lists = [
            ("containers", &described.spec.containers),
            ("initContainers", &described.spec.init_containers),
        ];
        let mut all = Variables::default();
        for (list, containers) in lists {
            for (index, container) in containers.iter().enumerate() {
                let path = format!("{}.{list}[{index}]", described.path);
                facts
                    .images
                    .push((described.unit.clone(), container.image.clone()));
                let variables = self.variables(described, container, &path, facts);
                let commands = self.commands(described, container, &path, &variables);
                self.streams(described, container, &commands, facts);
                facts.scopes.extend(commands);
                facts.scopes.push(Scope {
                    unit: described.unit.clone(),
                    settings: variables.settings(),
                    defined: BTreeSet::new(),
                });
                all.extend(variables);
            }
        }
        self.files(described, &all, facts);
    }

    fn name_servers(&self, described: &Described<'_>) -> Option<NameServers> {
        let object = described.object?;
        if !self.about_names.contains(&*object.file) {
            return None;
        }
        let spec = self.documents.field(object, described.path)?;
        match spec.text_at(NAMES_FIELD)?.as_str() {
            "Default" => Some(NameServers::OfNode),
            "None" => {
                let servers = spec.items_at("dnsConfig.nameservers").into_iter();
                let addresses = servers.filter_map(|server| server.text()?.parse().ok());
                Some(NameServers::At(addresses.collect()))
            }
            _ => None,
        }
    }

    /// A token is mounted unless the pod, or else its account, says otherwise.
    fn account(&self, described: &Described<'_>, facts: &mut Facts) {
        let path = format!("{}.{TOKEN_FIELD}", described.path);
        let field = described
            .object
            .filter(|object| self.about_tokens.contains(&*object.file))
            .and_then(|object| self.documents.field(object, &path));
        let name = described
            .spec
            .service_account
            .as_deref()
            .unwrap_or("default");
        let account = ObjectName::new(described.namespace, name);
        let is_mounted = match field {
            Some(field) if !field.is_null() => !field.is_false(),
            Some(_) | None => !self.without_token.contains(&account),
        };
        if is_mounted || self.projects_token(described) {
            facts.accounts.push(Account {
                unit: described.unit.clone(),
                account,
            });
        }
    }

    /// Whether a volume of the pod shows it a token of its account, whatever else is said.
    fn projects_token(&self, described: &Described<'_>) -> bool {
        let volumes = described.spec.volumes.iter().enumerate();
        let mut projected = volumes.filter(
            |(_, volume)| matches!(&volume.source, VolumeSource::Other(kind) if kind == "projected"),
        );
        projected.any(|(index, _)| {
            let path = format!("{}.volumes[{index}].projected", described.path);
            let object = described.object;
            let field = object.and_then(|object| self.documents.field(object, &path));
            let sources = field.map(|field| field.items_at("sources"));
            let mut sources = sources.iter().flatten();
            sources.any(|source| source.get("serviceAccountToken").is_some())
        })
    }
}

impl Described<'_> {
    pub(super) fn place(&self, path: String) -> Place {
        Place {
            object: self.object.cloned(),
            path,
            line: 0,
        }
    }
}
