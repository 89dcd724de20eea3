//! What a container runs whose image is here. Pure.

use std::collections::BTreeMap;

use ringfence_image::Image;

use super::desired::{DesiredContainer, ImageProgram, Program};
use super::details::{ContainerDetails, PodDetails};
use crate::process::identity::RunAs;

/// Where programs are looked for if the image does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Makes a container run its image, with the command and the arguments of its manifest in place of the image's.
pub fn use_image(container: &mut DesiredContainer, image: &Image) {
    let arguments = arguments(container, image);
    let waits = container.interactive.is_some();
    if waits {
        container.interactive = Some(arguments.clone());
    }
    let mut environment = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    environment.extend(image.environment.clone());
    environment.append(&mut container.environment);
    container.environment = environment;
    container.program = Program::Image(Box::new(ImageProgram {
        image: image.clone(),
        arguments,
        waits,
    }));
}

/// The command of a manifest replaces the entry point and the arguments of the image, its arguments only the latter.
fn arguments(container: &DesiredContainer, image: &Image) -> Vec<String> {
    let (command, args) = (&container.command, &container.args);
    let (first, rest) = match (command.is_empty(), args.is_empty()) {
        (false, _) => (command, args),
        (true, false) => (&image.entrypoint, args),
        (true, true) => (&image.entrypoint, &image.command),
    };
    first.iter().chain(rest).cloned().collect()
}

/// Who a container's processes are: what its manifest says goes before what the pod's says, and that before the image.
#[must_use]
pub fn run_as(pod: &PodDetails, container: &ContainerDetails, image: &Image) -> RunAs {
    let (pod, own) = (&pod.security_context, &container.security_context);
    RunAs {
        image: image.user.clone(),
        user: own.run_as_user.or(pod.run_as_user),
        group: own.run_as_group.or(pod.run_as_group),
        groups: pod
            .supplemental_groups
            .iter()
            .copied()
            .chain(pod.fs_group)
            .collect(),
        not_root: own.run_as_non_root.or(pod.run_as_non_root) == Some(true),
    }
}
