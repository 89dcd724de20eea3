//! Rule CN-37: names outside of the cluster, label by label.

use ringfence_model::DomainName;

/// CN-37: whether `known` is the name itself, or has one label or more below the wildcard's.
pub(crate) fn is_name(wanted: &DomainName, known: &str) -> bool {
    let known = labels(known);
    match wanted {
        DomainName::Exact(name) => known == labels(name),
        DomainName::Below(parent) => {
            let parent = labels(parent);
            known.len() > parent.len() && known.ends_with(&parent)
        }
    }
}

/// CN-37: case does not matter, nor does a dot at the end.
fn labels(name: &str) -> Vec<String> {
    let labels = name.split('.').filter(|label| !label.is_empty());
    labels.map(str::to_ascii_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_needs_a_label_of_its_own() {
        let below = DomainName::Below("example.com".to_owned());
        let meant = |name: &str| is_name(&below, name);
        assert!(meant("a.example.com") && meant("a.b.example.com") && meant("A.Example.COM."));
        assert!(!meant("example.com") && !meant("badexample.com") && !meant("example.com.evil"));
    }

    #[test]
    fn an_exact_name_is_the_whole_name() {
        let exact = DomainName::Exact("example.com".to_owned());
        assert!(is_name(&exact, "example.com") && is_name(&exact, "EXAMPLE.com."));
        assert!(!is_name(&exact, "a.example.com") && !is_name(&exact, "com"));
    }
}
