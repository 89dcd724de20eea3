use super::{
    Form, Key, Mention, Style, assigned, bare, flagged, from_arguments, from_lines, host_keys,
    is_of_image, mentions, substitute,
};

fn found(text: &str) -> Vec<String> {
    shown(&mentions(text))
}

fn shown(mentions: &[Mention]) -> Vec<String> {
    let one = |mention: &Mention| match mention.port {
        Some(port) => format!("{} {port}", mention.host),
        None => mention.host.clone(),
    };
    mentions.iter().map(one).collect()
}

#[test]
fn urls_name_hosts_and_keep_their_passwords() {
    assert_eq!(
        found("http://api.backend.svc.cluster.local:8080/x"),
        ["api.backend.svc.cluster.local 8080"]
    );
    assert_eq!(
        found("postgresql://user:pa:ss@db:5432/app?sslmode=disable"),
        ["db 5432"]
    );
    assert_eq!(found("jdbc:postgresql://db/app"), ["db"]);
    assert_eq!(
        found("mongodb://u:p@a:27017,b:27018/x?replicaSet=r"),
        ["a 27017", "b 27018"]
    );
    assert_eq!(
        found("etcd-0=http://etcd-0.etcd:2380,etcd-1=http://etcd-1.etcd:2380"),
        ["etcd-0.etcd 2380", "etcd-1.etcd 2380"]
    );
    assert_eq!(
        found("PLAINTEXT://kafka:9092,SSL://kafka:9093"),
        ["kafka 9092", "kafka 9093"]
    );
    assert_eq!(
        found("dns:///api:50051 unix:///run/x.sock file:///a/b s3://bucket/x"),
        ["api 50051"]
    );
    assert_eq!(
        found("see (http://[2001:db8::1]:80/) and http://web."),
        ["2001:db8::1 80", "web"]
    );
    assert_eq!(
        found("http://$HOST:80 http://${HOST}/ http://{{ host }}/"),
        Vec::<String>::new()
    );
}

#[test]
fn a_password_with_a_slash_is_doubtful() {
    let all = mentions("postgres://u:1234/x@db:5432/app");
    let doubt = |mention: &Mention| matches!(mention.form, Form::Url { doubtful: true, .. });
    assert!(all.iter().all(doubt), "{all:?}");
    assert!(shown(&all).contains(&"db 5432".to_owned()));
}

#[test]
fn hosts_with_ports_stand_among_other_words() {
    assert_eq!(found("--upstream=api:8080"), ["api 8080"]);
    assert_eq!(found("user:1234@tcp(db:3306)/app"), ["db 3306"]);
    assert_eq!(
        found("kafka-0.kafka:9092,10.0.0.5:80"),
        ["kafka-0.kafka 9092", "10.0.0.5 80"]
    );
    assert_eq!(
        found("server api:8080; # at 12:30, nginx:1.14.2, a/b:3, x:99999"),
        ["api 8080"]
    );
    assert_eq!(
        found("set $backend api.shop.svc.cluster.local;"),
        ["api.shop.svc.cluster.local"]
    );
    assert_eq!(found("proxy_pass http://api:8080/;"), ["api 8080"]);
    assert_eq!(found("plain words, 1.2.3, v1.svc"), Vec::<String>::new());
}

#[test]
fn names_say_whether_their_value_is_a_host() {
    for name in [
        "DB_HOST",
        "PGHOST",
        "dbHost",
        "--redis-addr",
        "KAFKA_BROKERS",
        "spring.datasource.url",
        "REDIS_HOST_1",
    ] {
        assert!(Key::of(name).names_a_host(), "{name}");
    }
    for name in [
        "POSTGRES_USER",
        "POSTGRES_DB",
        "DB_PASSWORD",
        "OTEL_SERVICE_NAME",
        "DD_SERVICE",
        "LISTEN_ADDR",
        "X",
        "",
    ] {
        assert!(!Key::of(name).names_a_host(), "{name}");
    }
    assert!(Key::of("DB_HOST").ports().contains(&Key::of("DB_PORT")));
    assert!(Key::of("PGHOST").ports().contains(&Key::of("PGPORT")));
    assert!(Key::of("dbHost").ports().contains(&Key::of("dbPort")));
    assert!(Key::of("DB").ports().contains(&Key::of("DB_PORT")));
}

#[test]
fn whole_values_are_hosts() {
    assert_eq!(shown(&bare("postgres")), ["postgres"]);
    assert_eq!(shown(&bare("a:1, b.c")), ["a 1", "b.c"]);
    assert_eq!(shown(&bare("::1")), ["::1"]);
    assert!(bare("two words!").is_empty() && bare("").is_empty() && bare("a:b").is_empty());
    assert_eq!(
        shown(&host_keys("host=db port=5432 user=x password=y")),
        ["db 5432"]
    );
    assert_eq!(
        shown(&host_keys("Server=tcp:sql,1433;Database=x")),
        ["sql 1433"]
    );
}

#[test]
fn variables_are_replaced() {
    let value = |name: &str| (name == "H").then(|| "api".to_owned());
    assert_eq!(
        substitute("http://$(H):80 $(X) $5", Style::Kubelet, value),
        "http://api:80 $(X) $5"
    );
    assert_eq!(
        substitute("$H ${H} ${X:-db} ${Y:red} $X", Style::Shell, value),
        "api api db red $X"
    );
    assert_eq!(substitute("$H ${H}", Style::Kubelet, value), "$H ${H}");
}

#[test]
fn flags_and_lines_have_names() {
    let arguments = [
        "serve",
        "--db-host",
        "db",
        "--v=2",
        "api:80",
        "X_URL=http://a",
    ]
    .map(str::to_owned);
    let pair = |(_, name, value): &(usize, String, String)| format!("{name}|{value}");
    let named: Vec<String> = from_arguments(&arguments).iter().map(pair).collect();
    assert_eq!(
        named,
        ["|serve", "db-host|db", "v|2", "|api:80", "X_URL|http://a"]
    );
    let set = ["sh", "-c", "PGHOST='db' PGPORT=1 psql -l", "host=a user=b"].map(str::to_owned);
    let named: Vec<String> = from_arguments(&set).iter().map(pair).collect();
    let connect = "|host=a user=b";
    assert_eq!(
        named,
        ["|sh", "PGHOST|db", "PGPORT|1", "c|psql -l", connect]
    );
    let text = "# http://no\nredis:\n  host: \"redis\"\n  port: 6379\nproxy_pass http://api:80;\napi:8080\nurl=http://x\n";
    let named: Vec<String> = from_lines(text).iter().map(pair).collect();
    assert_eq!(
        named,
        [
            "redis|",
            "host|redis",
            "port|6379",
            "proxy_pass|http://api:80",
            "|api:8080",
            "url|http://x"
        ]
    );
}

#[test]
fn addresses_in_brackets_and_connect_strings_are_hosts() {
    assert_eq!(
        found("[2001:db8::5]:443,[2001:db8:443::6]:80 [::1] [api:80]"),
        ["2001:db8::5 443", "2001:db8:443::6 80", "api 80"]
    );
    assert_eq!(
        found("jdbc:oracle:thin:@//ora:1521/x jdbc:oracle:thin:@orb:1521:sid a//b:80"),
        ["ora 1521", "orb 1521"]
    );
}

#[test]
fn flags_of_a_command_name_hosts_and_its_port() {
    let found = |text: &str| shown(&flagged(text));
    assert_eq!(
        found("nc -z x; psql -h db.example.com -p 5432 | redis-cli -hr.example.com"),
        ["db.example.com 5432", "r.example.com"]
    );
    assert_eq!(found("psql --host=db --port=5433 --user x"), ["db 5433"]);
    assert_eq!(found("serve --listen-addr db -v -h"), Vec::<String>::new());
    assert_eq!(found("mysqldump -hmysql -uroot x"), ["mysql"]);
    assert_eq!(found("exec 3<>/dev/tcp/pg/5432"), ["pg 5432"]);
    let sets = |name: &str| assigned("export H=\"db\"; P=$H; nc -z $H 5432", name);
    assert_eq!(sets("H").as_deref(), Some("db"));
    assert_eq!((sets("P"), sets("Q")), (None, None));
}

#[test]
fn images_are_told_from_hosts() {
    let image = |text: &str| mentions(text).iter().any(|one| is_of_image(text, one));
    assert!(image("r.example.com:5000/a/b:1.2"));
    assert!(image("R.example.com:5000/a@sha256:00"));
    assert!(!image("db.example.com:5432/app c:1"));
}
