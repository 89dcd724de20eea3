use ringfence_kube::{Access, read};

use super::fake::kubeconfig;

/// What is said of a kubeconfig with this text.
fn told(text: &str, context: Option<&str>) -> String {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    std::fs::write(&file, text).unwrap();
    let access = Access {
        kubeconfig: Some(file),
        context: context.map(str::to_owned),
    };
    let told = read(&access).unwrap_err().to_string();
    told.replace(&directory.path().display().to_string(), "DIR")
}

const SERVER: &str = "https://127.0.0.1:1";

#[test]
fn a_context_that_is_not_there_is_told_with_those_that_are() {
    let text = kubeconfig(SERVER, "{}");
    let expected = "there is no context `prod`; there are: lab, other";
    assert_eq!(told(&text, Some("prod")), expected);
    let none = text.replace("current-context: lab\n", "");
    assert_eq!(
        told(&none, None),
        "no context is current: name one with --context; there are: lab, other"
    );
    assert!(told("", None).ends_with("the kubeconfig has none"));
    assert_eq!(
        told(&text, Some("other")),
        "context `other` is not complete: its cluster `missing` is not in the kubeconfig"
    );
}

#[test]
fn no_program_is_started() {
    let exec = "{exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/false}}";
    let text = told(&kubeconfig(SERVER, exec), None);
    assert!(
        text.contains("from the program `/bin/false`, and ringfence starts no programs"),
        "{text}"
    );
    let provider = told(&kubeconfig(SERVER, "{auth-provider: {name: gcp}}"), None);
    assert!(provider.contains("from the provider `gcp`"), "{provider}");
}

#[test]
fn a_file_that_is_no_kubeconfig_is_not_quoted() {
    for text in [
        "users: [{name: u, user: {token: s3cret, token: s3cret}}]",
        "users: s3cret",
        "token: [s3cret",
    ] {
        assert_eq!(
            told(text, None),
            "DIR/kubeconfig is no kubeconfig",
            "{text}"
        );
    }
}

#[test]
fn what_a_context_needs_and_has_not_is_told() {
    let unusable = |server: &str, user: &str| told(&kubeconfig(server, user), None);
    let problem = unusable("not a url", "{}");
    assert_eq!(
        problem,
        "context `lab` cannot be used: the `server` of its cluster is no URL"
    );
    let token = unusable(SERVER, "{tokenFile: /no/such/token}");
    assert!(token.contains("/no/such/token"), "{token}");
    let key = unusable(
        SERVER,
        "{client-certificate-data: czNjcmV0, client-key-data: czNjcmV0}",
    );
    assert!(
        !key.contains("s3cret") && !key.contains("czNjcmV0"),
        "{key}"
    );
    let proxy = kubeconfig(SERVER, "{}").replace("server: ", "proxy-url: 'http://p:1', server: ");
    assert!(told(&proxy, None).contains("`proxy-url`"));
    let missing = Access {
        kubeconfig: Some("/no/such/kubeconfig".into()),
        context: None,
    };
    let text = read(&missing).unwrap_err().to_string();
    assert_eq!(text, "cannot read the kubeconfig /no/such/kubeconfig");
}
