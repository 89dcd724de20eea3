use ringfence_testkit::scale::Size;

/// Something to measure on, and the same with twice as much of one thing.
#[derive(Clone, Debug)]
pub struct Growing<T> {
    /// What it is like.
    pub name: String,
    /// As large as its name says.
    pub base: T,
    /// What is doubled, with the result.
    pub doubled: Vec<(&'static str, T)>,
}

impl<T> Growing<T> {
    /// Made from `size`, and from the same with twice the pods, policies, namespaces.
    pub fn new(name: &str, size: Size, make: impl Fn(Size) -> T + Copy) -> Self {
        Self {
            doubled: doubled(size)
                .map(|(what, size)| (what, make(size)))
                .collect(),
            ..Self::alone(name, size, make)
        }
    }

    /// Made from `size` alone.
    pub fn alone(name: &str, size: Size, make: impl Fn(Size) -> T) -> Self {
        Self {
            name: format!("{name}: {}", described(size)),
            base: make(size),
            doubled: Vec::new(),
        }
    }
}

/// `size` with twice as much of one thing at a time.
pub fn doubled(size: Size) -> impl Iterator<Item = (&'static str, Size)> {
    let pods = Size {
        pods: 2 * size.pods,
        ..size
    };
    let policies = Size {
        policies: 2 * size.policies,
        ..size
    };
    let namespaces = Size {
        namespaces: 2 * size.namespaces,
        ..size
    };
    let all = [
        ("pods", pods),
        ("policies", policies),
        ("namespaces", namespaces),
    ];
    all.into_iter()
}

/// As in `10000 pods, 200 namespaces, 2000 policies`
fn described(size: Size) -> String {
    let Size {
        namespaces,
        pods,
        policies,
        cluster_policies,
    } = size;
    format!(
        "{pods} pods, {namespaces} namespaces, {policies} policies and {cluster_policies} cluster-scoped"
    )
}
