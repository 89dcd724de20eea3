//! Which objects an owner counts as its own, by its selector.

use ringfence_apiserver::object::{self, at, is_terminating};
use serde_json::Value;

use crate::owner::{adopted, released};
use crate::selector;
use crate::view::View;
use crate::write::Writes;

/// What `owner` controls of `resource`. What it controls without selecting it any more is let go; what nobody controls and
/// it selects it takes, if `adoptable`, and counts it at once.
pub(crate) fn claim<'a>(
    view: &'a View,
    owner: &Value,
    resource: &str,
    adoptable: impl Fn(&Value) -> bool,
    writes: &mut Writes,
) -> Vec<&'a Value> {
    let (namespace, uid) = (object::namespace(owner), object::uid(owner));
    let selects = |object: &Value| selector::matches(at(owner, &["spec", "selector"]), object);
    let mut claimed = Vec::new();
    for object in view.held(resource, namespace, uid) {
        if selects(object) {
            claimed.push(object);
        } else if !is_terminating(object) && !is_terminating(owner) {
            writes.replace(object, released(object, uid));
        }
    }
    if is_terminating(owner) {
        return claimed;
    }
    let free = view.held(resource, namespace, "");
    for object in
        free.filter(|object| !is_terminating(object) && adoptable(object) && selects(object))
    {
        writes.replace(object, adopted(object, owner));
        claimed.push(object);
    }
    claimed
}
