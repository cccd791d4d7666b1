//! Names of a small cluster, and files that are none.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::*;

fn cluster() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/k8s/cluster.json");
    fs::read_to_string(file).unwrap()
}

fn read(json: &str) -> Result<KubernetesNames, KubernetesError> {
    KubernetesNames::read(json.as_bytes())
}

fn names(items: Value) -> KubernetesNames {
    read(&json!({"kind": "List", "items": items}).to_string()).unwrap()
}

/// `Service shop/cart:http`, `Node worker-1`, or a dash.
fn at(names: &KubernetesNames, end: &str) -> String {
    let name = match end.parse() {
        Ok(endpoint) => names.endpoint(endpoint),
        Err(_) => names.address(end.parse().unwrap()),
    };
    let Some(n) = name else { return "-".into() };
    let namespace = n.namespace.map_or_else(String::new, |s| s + "/");
    let port = n.port_name.map_or_else(String::new, |p| format!(":{p}"));
    format!("{} {namespace}{}{port}", n.kind, n.name)
}

#[test]
fn a_cluster_is_named() {
    let names = read(&cluster()).unwrap();
    for (end, name) in [
        // Cluster addresses of both families, the balancer's, an external one, a port of every node.
        ("10.96.0.10:80", "Service shop/cart:http"),
        ("[fd00:96::10]:80", "Service shop/cart:http"),
        ("203.0.113.10:80", "Service shop/cart:http"),
        ("198.51.100.7:80", "Service shop/cart:http"),
        ("192.168.7.11:30080", "Service shop/cart:http"),
        ("[fd00:7::12]:30080", "Service shop/cart:http"),
        ("10.96.0.20:5432", "Service shop/ledger"),
        // UDP is none of ours, and this port of the Service is not known.
        ("192.168.7.11:30081", "Node worker-0"),
        ("10.96.0.10:81", "Service shop/cart"),
        ("10.96.0.10", "Service shop/cart"),
        // Not the job that ended and whose address went to another pod.
        ("10.1.0.2", "Pod shop/web-6f7d9c5b8-x2k4q"),
        ("[fd00:1::2]:50000", "Pod shop/web-6f7d9c5b8-x2k4q"),
        ("10.1.9.7:8080", "Pod shop/cart-7c5b9d66f-4kq2m:http"),
        ("10.1.9.7:9090", "Pod shop/cart-7c5b9d66f-4kq2m"),
        // Not the pod on the node's network.
        ("192.168.7.12", "Node worker-1"),
        ("192.168.7.12:8080", "Node worker-1"),
        ("10.1.9.99", "-"),
    ] {
        assert_eq!(at(&names, end), name, "{end}");
    }
}

#[test]
fn backends_are_told_from_others() {
    use BackendState::{NotAnEndpoint, NotReady, Ready, Terminating, Unknown};
    let names = read(&cluster()).unwrap();
    for (service, backend, state) in [
        ("10.96.0.10:80", "10.1.9.7:8080", Some(Ready)),
        ("10.96.0.10:80", "10.1.9.8:8080", Some(NotReady)),
        ("10.96.0.10:80", "10.1.9.9:8080", Some(Terminating)),
        ("10.96.0.10:80", "10.1.9.7:9090", Some(NotAnEndpoint)),
        ("10.96.0.10:80", "10.1.0.2:8080", Some(NotAnEndpoint)),
        ("[fd00:96::10]:80", "[fd00:1:9::7]:8080", Some(Ready)),
        ("192.168.7.12:30080", "10.1.9.7:8080", Some(Ready)),
        // The balancer leads to a node: the Service's own port there.
        ("203.0.113.10:80", "192.168.7.12:30080", Some(Unknown)),
        // No slices of this Service, and no such port of the other one.
        ("10.96.0.20:5432", "10.1.9.7:5432", Some(Unknown)),
        ("10.96.0.10:81", "10.1.9.7:8080", Some(Unknown)),
        ("10.1.9.7:8080", "10.1.9.7:8080", None),
        ("192.0.2.1:80", "10.1.9.7:8080", None),
    ] {
        let told = names.backend(service.parse().unwrap(), backend.parse().unwrap());
        assert_eq!(told, state, "{service} → {backend}");
    }
}

#[test]
fn conditions_that_are_not_there_mean_ready() {
    let service = json!({"kind": "Service", "metadata": {"namespace": "a", "name": "s"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"port": 443}]}});
    let slice = |endpoints: Value, ports: Value| {
        let metadata = json!({"namespace": "a", "labels": {"kubernetes.io/service-name": "s"}});
        json!({"kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints, "ports": ports})
    };
    let state = |slices: Vec<Value>| {
        let items: Vec<Value> = slices.into_iter().chain([service.clone()]).collect();
        let backend = |end: &str| end.parse().unwrap();
        names(json!(items)).backend(backend("10.96.0.1:443"), backend("10.0.0.5:6443")).unwrap()
    };
    let one = |conditions: Value| {
        let endpoint = json!([{"addresses": ["10.0.0.5"], "conditions": conditions}]);
        state(vec![slice(endpoint, json!([{"name": null, "port": 6443}]))])
    };
    assert_eq!(one(Value::Null), BackendState::Ready);
    assert_eq!(one(json!({"ready": null, "terminating": null})), BackendState::Ready);
    assert_eq!(one(json!({"ready": false, "serving": true})), BackendState::NotReady);
    // Of a Service that publishes addresses that are not ready.
    assert_eq!(one(json!({"ready": true, "terminating": true})), BackendState::Terminating);
    // What the controller writes for a Service without pods; a port of null is every port.
    assert_eq!(state(vec![slice(Value::Null, Value::Null)]), BackendState::NotAnEndpoint);
    let any = json!([{"addresses": ["10.0.0.5"]}]);
    assert_eq!(state(vec![slice(any.clone(), json!([{"port": null}]))]), BackendState::Ready);
    assert_eq!(
        state(vec![slice(any, json!([{"port": 6443, "protocol": "UDP"}]))]),
        BackendState::NotAnEndpoint
    );
    // In two slices at once: the better one counts, whichever comes first.
    let both = [false, true].map(|ready| {
        let endpoint = json!([{"addresses": ["10.0.0.5"], "conditions": {"ready": ready}}]);
        slice(endpoint, json!([{"port": 6443}]))
    });
    assert_eq!(state(both.to_vec()), BackendState::Ready);
    assert_eq!(state(both.into_iter().rev().collect()), BackendState::Ready);
}

#[test]
fn two_claims_leave_an_address_without_a_name() {
    let pod = |name: &str, phase: &str| {
        json!({"kind": "Pod", "metadata": {"namespace": "a", "name": name},
            "status": {"phase": phase, "podIP": "10.0.0.5"}})
    };
    let both = names(json!([pod("one", "Running"), pod("two", "Running")]));
    assert_eq!(at(&both, "10.0.0.5"), "-");
    let ended = names(json!([pod("one", "Failed"), pod("two", "Running")]));
    assert_eq!(at(&ended, "10.0.0.5"), "Pod a/two");
    // Without the nodes in the file, a pod's host address tells that its network is the host's.
    let on_host = json!({"kind": "Pod", "metadata": {"namespace": "a", "name": "agent"},
        "status": {"podIP": "10.0.0.9", "hostIP": "10.0.0.9"}});
    assert_eq!(at(&names(json!([on_host])), "10.0.0.9"), "-");
}

#[test]
fn slices_name_pods_that_the_list_lacks() {
    let slice = json!({"kind": "EndpointSlice",
        "metadata": {"namespace": "a", "labels": {"kubernetes.io/service-name": "s"}},
        "endpoints": [{"addresses": ["10.0.0.5", "example.org"], "targetRef": {"kind": "Pod", "name": "p"}}]});
    assert_eq!(at(&names(json!([slice])), "10.0.0.5"), "Pod a/p");
}

#[test]
fn what_is_missing_or_null_or_unknown_is_passed_over() {
    let items = json!([
        {}, null, 7, {"kind": null}, {"kind": "Pod"}, {"kind": "Service"}, {"kind": "Node"},
        {"kind": "EndpointSlice"}, {"kind": "Gateway", "spec": {"ports": "any"}},
        {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": null}, "status": {"podIPs": null, "podIP": ""}},
        {"kind": "Service", "metadata": {"name": "s", "labels": null}, "spec": {"type": "ExternalName", "externalName": "x", "ports": null}},
        {"kind": "Node", "metadata": {"name": "n"}, "status": {"addresses": [{"type": "Hostname", "address": "n"}]}},
    ]);
    assert_eq!(at(&names(items), "10.0.0.5"), "-");
    let marked = format!("\u{feff}{}", cluster());
    assert_eq!(at(&read(&marked).unwrap(), "10.1.0.2"), "Pod shop/web-6f7d9c5b8-x2k4q");
}

#[test]
fn what_is_no_such_list_is_refused_with_its_place() {
    let told = |json: &str| read(json).unwrap_err().to_string();
    let whole = cluster();
    // Cut anywhere it is an error, and never a panic.
    for cut in (0..whole.len() - 2).step_by(997) {
        assert!(read(&whole[..cut]).is_err(), "{cut}");
    }
    assert!(told("").contains("line 1 column 0"), "{}", told(""));
    let text = told("NAME   READY\nweb  1/1");
    assert!(text.contains("line 1 column"), "{text}");
    let text = told(
        "{\"items\": [\n {\"kind\": \"Pod\", \"metadata\": {\"namespace\": \"a\", \"name\": \"p\"},\n  \"status\": {\"podIP\": 5}}]}",
    );
    assert!(text.contains("Pod a/p") && text.contains("line 3 column"), "{text}");
    for port in ["70000", "-1", "\"http\""] {
        let text = told(&format!(
            r#"{{"items": [{{"kind": "Service", "spec": {{"ports": [{{"port": {port}}}]}}}}]}}"#
        ));
        assert!(text.contains("Service") && text.contains("line 1"), "{text}");
    }
    assert!(matches!(read(r#"{"kind": "Status"}"#), Err(KubernetesError::NoList)));
    assert!(matches!(read(r#"{"items": null}"#), Err(KubernetesError::NoList)));
    assert!(matches!(read(r#"{"items": []}"#), Err(KubernetesError::NoObjects)));
    assert!(matches!(read(r#"{"items": [{"kind": "Secret"}]}"#), Err(KubernetesError::NoObjects)));
    assert!(told(r#"{"items": {}}"#).contains("a list of objects"));
    assert!(told(&"[".repeat(100_000)).contains("line 1"));
    assert!(told(&format!("{{\"items\": [{}", "[".repeat(100_000))).contains("line 1"));
}
