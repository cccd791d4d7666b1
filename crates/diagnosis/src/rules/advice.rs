//! What to do about it, written once.

use crate::Advice;

fn advice(text: &str, side_effect: &str, reference: &str) -> Advice {
    Advice { text: text.into(), side_effect: side_effect.into(), reference: reference.into() }
}

/// Keep an idle session known to everything on the path.
pub(super) fn keep_alive() -> Advice {
    advice(
        "Turn TCP keep-alive on in the client or the server, with an idle time of at most half the shortest silence that \
         broke: SO_KEEPALIVE and TCP_KEEPIDLE; 300 s suit most devices. Pods do not inherit the node's \
         net.ipv4.tcp_keepalive_time.",
        "A few small packets for each idle connection; a dead peer is noticed, and the application sees an error.",
        "tcp(7), SO_KEEPALIVE; RFC 9293 §3.8.4",
    )
}

/// Let the NAT remember longer.
pub(super) fn longer_session() -> Advice {
    advice(
        "Lengthen the session timer of the NAT: kube-proxy --ipvs-tcp-timeout in IPVS mode, else \
         --conntrack-tcp-timeout-established.",
        "Cluster-wide: every node keeps dead sessions that much longer, in memory and in the connection table.",
        "kube-proxy reference; ipvsadm(8) --set; kubernetes/kubernetes#93337",
    )
}

/// Do not stay silent for so long.
pub(super) fn answer_later() -> Advice {
    advice(
        "Do not hold a connection silent while computing: answer at once with a job to poll, or send something now and \
         then (HTTP/2 PING, a heartbeat, chunks).",
        "A change of the application's protocol.",
        "RFC 9110 §15.3.3 (202 Accepted)",
    )
}

/// Do not wait for ever.
pub(super) fn read_timeout() -> Advice {
    advice(
        "Give the client a read timeout, so that it does not wait for ever whatever the network does.",
        "Long answers that were merely slow fail as well; choose it above the longest answer expected.",
        "tcp(7), SO_RCVTIMEO; the client library's manual",
    )
}

/// Leave out the translation.
pub(super) fn no_nat() -> Advice {
    advice(
        "Address the pod directly (a headless Service), so that no session has to be remembered.",
        "The client balances load by itself and must follow pods that come and go.",
        "kubernetes.io: Headless Services",
    )
}

/// Do not half-close.
pub(super) fn no_half_close() -> Advice {
    advice(
        "Do not close the client's sending side while waiting for an answer: once a FIN was seen, NAT keeps the session \
         for a much shorter time, and keep-alives do not help.",
        "The protocol needs another mark for the end of a request.",
        "Linux ip_vs_proto_tcp.c: CLOSE_WAIT 60 s; --ipvs-tcpfin-timeout sets FIN_WAIT, not CLOSE_WAIT",
    )
}

/// Do not judge windows, or drop what was judged.
pub(super) fn liberal_conntrack() -> Advice {
    advice(
        "Let connection tracking accept segments outside the window it computed: \
         net.netfilter.nf_conntrack_tcp_be_liberal=1 (kube-proxy --conntrack-tcp-be-liberal); or drop what it judges \
         invalid, as kube-proxy does in iptables mode since 1.15.",
        "Liberal: resets and data outside the window are translated as well. Dropping: such segments are lost and sent \
         again.",
        "kubernetes/kubernetes#74839, #74840, #120354; the Kubernetes blog of 2019-03-29",
    )
}

/// Make the silent device talk.
pub(super) fn reset_on_expiry() -> Advice {
    advice(
        "Have the device reset expired sessions where it can (Azure Load Balancer: TCP reset on idle), and bound \
         retransmission in the hosts (TCP_USER_TIMEOUT, or tcp_retries2 = 8).",
        "Connections over a path that is down for minutes fail sooner.",
        "Azure Load Balancer TCP reset; tcp(7), TCP_USER_TIMEOUT",
    )
}

/// A busy server.
pub(super) fn profile_server() -> Advice {
    advice(
        "Look at the server's log and profile between the request and the answer, at the times given: what kept the answer.",
        "None.",
        "The server's documentation of slow requests",
    )
}

/// Patience.
pub(super) fn client_timeout() -> Advice {
    advice(
        "Raise the client's timeout above the time the server needs, or make the server answer faster; let the server \
         notice that the client has gone.",
        "A longer timeout keeps clients waiting longer where the server is down.",
        "The client library's manual",
    )
}

/// A server that is gone, or that resets.
pub(super) fn server_closes() -> Advice {
    advice(
        "Look why the server's process ended, restarted or closed at that time; let pods drain before they end (preStop, a \
         graceful shutdown), and let clients try again what may be tried again.",
        "None for looking; draining makes deployments take longer.",
        "kubernetes.io: Pod lifecycle, termination",
    )
}

/// Nobody listens.
pub(super) fn listen() -> Advice {
    advice(
        "Check that the server listens on that port and address, that the Service's targetPort is right, and that its pods \
         are ready (kubectl get endpointslices).",
        "None.",
        "kubernetes.io: Debug Services",
    )
}

/// Somebody in between resets.
pub(super) fn find_device() -> Advice {
    advice(
        "Find the device: its distance follows from the reset's time to live; then its policy or intrusion log for what was \
         sent just before.",
        "None.",
        "RFC 9293 §3.5.2",
    )
}

/// Do not lose sessions.
pub(super) fn keep_sessions() -> Advice {
    advice(
        "Find what removed the session: conntrack -E during the failure, restarts of the node's agents, a full session \
         table. With net.netfilter.nf_conntrack_tcp_loose=0 no packet in the middle opens a new session.",
        "Without loose pick-up, connections older than a restart of the node are cut.",
        "Linux nf_conntrack-sysctl; projectcalico/calico#1213",
    )
}

/// Where the handshake ends.
pub(super) fn follow_syn() -> Advice {
    advice(
        "Follow the SYN: count drops at the devices in between (conntrack -S: insert_failed, drop; nft counters; NIC and \
         queue drops), and network policies for this pair.",
        "None.",
        "conntrack(8), nstat(8)",
    )
}

/// A full queue.
pub(super) fn accept_faster() -> Advice {
    advice(
        "Let the server accept faster (more workers), and lengthen its queue: the backlog of listen(2) and \
         net.core.somaxconn of the pod.",
        "A longer queue makes clients wait longer where the server cannot keep up.",
        "listen(2); Linux ip-sysctl: somaxconn, tcp_max_syn_backlog",
    )
}

/// SYNs judged by their timestamps.
pub(super) fn syn_timestamps() -> Advice {
    advice(
        "On the server: net.ipv4.tcp_tw_recycle off (gone since Linux 4.12), which drops SYNs of clients that share an \
         address behind NAT; else look for a filter there that drops the option. net.ipv4.tcp_timestamps=0 on a client \
         shows whether it is that.",
        "Without timestamps, round trips are measured less often and old duplicates are not recognised.",
        "Linux ip-sysctl: tcp_timestamps; RFC 7323 §5",
    )
}

/// Packets that are too large.
pub(super) fn lower_mtu() -> Advice {
    advice(
        "Set the MTU of the pods to that of the path less its tunnels (VXLAN 50, IP in IP 20 bytes), or clamp the MSS, and \
         let ICMP type 3 code 4 (ICMPv6 type 2) pass.",
        "Smaller packets: a little more overhead.",
        "RFC 4821; RFC 8201; the CNI plugin's MTU setting",
    )
}

/// Notice sooner.
pub(super) fn bound_retransmission() -> Advice {
    advice(
        "Bound how long hosts try (TCP_USER_TIMEOUT, or tcp_retries2 = 8), and let pods end gracefully.",
        "Connections over a path that is down for minutes fail sooner.",
        "tcp(7), TCP_USER_TIMEOUT; kubernetes/kubernetes#124290",
    )
}

/// Notice that the other end is gone.
pub(super) fn notice_dead_peer() -> Advice {
    advice(
        "Turn TCP keep-alive on at the end that waits, or give it a read timeout: either notices that the other end is gone.",
        "A few small packets for each idle connection.",
        "tcp(7), SO_KEEPALIVE; RFC 9293 §3.5.1",
    )
}

/// A receiver that does not read.
pub(super) fn read_on() -> Advice {
    advice(
        "Look at the receiver's process at that time: it did not read from its socket (blocked, stopped, out of memory, or \
         waiting for something slower).",
        "None.",
        "RFC 9293 §3.8.6",
    )
}

/// Packets that get lost.
pub(super) fn find_loss() -> Advice {
    advice(
        "Find where packets are dropped between the two points: interface and queue counters (ip -s link, tc -s qdisc), nft \
         counters, the provider's metrics; a capture between the points halves the way.",
        "None.",
        "ip-link(8), tc(8)",
    )
}

/// A host that calls itself.
pub(super) fn hairpin() -> Advice {
    advice(
        "Let the bridge port send packets back where they came from (hairpin mode, kubelet --hairpin-mode) and masquerade \
         them.",
        "The pod sees such connections come from the node's address.",
        "kubernetes/kubernetes#13375, #20475",
    )
}

/// Bridged packets that escape translation.
pub(super) fn bridge_netfilter() -> Advice {
    advice(
        "On the node: modprobe br_netfilter and sysctl net.bridge.bridge-nf-call-iptables=1, so that answers between pods of \
         one node are translated back; or route answers through the node that translates.",
        "Bridged packets pass the node's packet filter.",
        "kubernetes/kubernetes#122174",
    )
}

/// A client that leaves.
pub(super) fn client_log() -> Advice {
    advice(
        "Look at the client's log and process at that time: it closed its socket, or ended, before it had read the answer.",
        "None.",
        "RFC 9293 §3.5.2; RFC 2525 §2.17",
    )
}
