//! `PersistentVolumeClaim`.

use serde_json::{Value, json};

use super::schemas::{LABEL_SELECTOR, tables};
use crate::kind::{Column, Kind, Subresources, age_column, words};
use crate::object::{child, default, fields, items, text};
use crate::status::Cause;

tables! {
    CLAIM "PersistentVolumeClaim" { apiVersion: Text, kind: Text, metadata: Any, spec: SPEC, status: Any }
    SPEC "PersistentVolumeClaimSpec" {
        accessModes: [Text], dataSource: SOURCE, dataSourceRef: SOURCE, resources: RESOURCES, selector: LABEL_SELECTOR,
        storageClassName: Text, volumeAttributesClassName: Text, volumeMode: Text, volumeName: Text,
    }
    SOURCE "TypedObjectReference" { apiGroup: Text, kind: Text, name: Text, namespace: Text }
    RESOURCES "VolumeResourceRequirements" { limits: {Quantity}, requests: {Quantity} }
}

pub(super) fn kind() -> Kind {
    Kind {
        short_names: words(&["pvc"]),
        subresources: Subresources { status: true, scale: false },
        columns: columns(),
        defaults: |claim| {
            default(fields(child(claim, "spec")), "volumeMode", "Filesystem");
            default(fields(child(claim, "status")), "phase", json!("Pending"));
        },
        validate: |claim, causes| {
            if items(claim, &["spec", "accessModes"]).is_empty() {
                causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
            }
            if text(claim, &["spec", "resources", "requests", "storage"]).is_empty() {
                causes.push(Cause::required("spec.resources[storage]", ""));
            }
        },
        warnings: |_| {
            let warning = "stored, but not carried out: nobody provides volumes, so it stays Pending; \
                           a pod that mounts it runs, with an empty folder of its own";
            vec![warning.to_owned()]
        },
        ..Kind::namespaced(
            "",
            "v1",
            "PersistentVolumeClaim",
            "persistentvolumeclaims",
            "PersistentVolumeClaim asks for a volume that outlives pods.",
            &CLAIM,
        )
    }
}

fn columns() -> Vec<Column> {
    vec![
        Column::new("Status", |claim, _| text(claim, &["status", "phase"]).into()),
        Column::new("Volume", |claim, _| text(claim, &["spec", "volumeName"]).into()),
        Column::new("Capacity", |claim, _| text(claim, &["status", "capacity", "storage"]).into()),
        Column::new("Access Modes", |claim, _| modes(claim).into()),
        Column::new("StorageClass", |claim, _| text(claim, &["spec", "storageClassName"]).into()),
        age_column(),
        Column::new("VolumeMode", |claim, _| text(claim, &["spec", "volumeMode"]).into()).wide(),
    ]
}

/// The modes that the claim has, of which there are none before it has a volume.
fn modes(claim: &Value) -> String {
    let short = |mode: &Value| match mode.as_str().unwrap_or_default() {
        "ReadWriteOnce" => "RWO".to_owned(),
        "ReadOnlyMany" => "ROX".to_owned(),
        "ReadWriteMany" => "RWX".to_owned(),
        "ReadWriteOncePod" => "RWOP".to_owned(),
        other => other.to_owned(),
    };
    let modes = items(claim, &["status", "accessModes"]).iter().map(short);
    modes.collect::<Vec<_>>().join(",")
}
