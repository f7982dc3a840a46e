//! Tests of the messages.

use proptest::prelude::*;

use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A message of this kind with this payload.
fn framed(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + payload.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// A `struct inet_diag_msg`.
fn told(family: u8, state: u8, local: (&[u8], u16), remote: (&[u8], u16)) -> Vec<u8> {
    let mut bytes = vec![family, state, 0, 0];
    bytes.extend(local.1.to_be_bytes());
    bytes.extend(remote.1.to_be_bytes());
    for (ip, _) in [local, remote] {
        bytes.extend(ip);
        bytes.resize(bytes.len() + 16 - ip.len(), 0);
    }
    bytes.extend([0; 24]);
    bytes.extend(1_000_u32.to_ne_bytes());
    bytes.extend(4_242_u32.to_ne_bytes());
    bytes
}

fn read(datagram: &[u8]) -> Vec<Message> {
    messages(datagram, 7).collect()
}

#[test]
fn a_question_names_the_far_end() {
    let request = exact(7, address("127.0.0.1:8080"), address("[::ffff:10.1.2.3]:40000")).unwrap();
    let number = |at| u32::from_ne_bytes(request[at..at + 4].try_into().unwrap());
    assert_eq!((number(0), number(8)), (72, 7), "its length and its sequence");
    assert_eq!(request[16..20], [AF_INET, IPPROTO_TCP, 0, 0]);
    assert_eq!(number(20), u32::MAX, "in whatever state");
    assert_eq!(request[24..28], [0x1f, 0x90, 0x9c, 0x40], "ports as on the wire");
    assert_eq!(request[28..32], [127, 0, 0, 1]);
    assert_eq!(request[44..48], [10, 1, 2, 3]);
    assert_eq!(request[60..72], [0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
}

#[test]
fn a_question_about_version_6_names_the_interface() {
    let request = exact(7, address("[fe80::1%3]:1"), address("[fe80::2]:2")).unwrap();
    assert_eq!(request[16], AF_INET6);
    assert_eq!(request[28..30], [0xfe, 0x80]);
    assert_eq!(request[60..64], 3_u32.to_ne_bytes());
    assert_eq!(exact(7, address("[::1]:1"), address("127.0.0.1:2")), None, "no such connection");
}

#[test]
fn a_dump_asks_for_a_port_in_some_states() {
    let request = dump(9, Family::V6, 8080, &[State::ESTABLISHED, State::CLOSE_WAIT]);
    assert_eq!(u16::from_ne_bytes([request[6], request[7]]), 0x301);
    assert_eq!(request[16], AF_INET6);
    assert_eq!(request[20..24], 0b1_0000_0010_u32.to_ne_bytes());
    assert_eq!(request[24..28], [0x1f, 0x90, 0, 0]);
    assert_eq!(request[28..], [0; 44]);
}

#[test]
fn sockets_are_read_and_version_4_is_told_as_such() {
    let mapped = address("[::ffff:10.1.2.3]:2").ip();
    let IpAddr::V6(mapped) = mapped else { unreachable!() };
    let cases = [
        (told(AF_INET, 1, (&[127, 0, 0, 1], 1), (&[10, 1, 2, 3], 2)), "127.0.0.1:1", "10.1.2.3:2"),
        (told(AF_INET6, 1, (&mapped.octets(), 1), (&[0; 16], 2)), "10.1.2.3:1", "[::]:2"),
    ];
    for (payload, local, remote) in cases {
        let found = Found {
            local: address(local),
            remote: address(remote),
            state: State::ESTABLISHED,
            socket: Socket { inode: 4_242, uid: 1_000, unread: 0 },
        };
        let datagram = framed(SOCK_DIAG_BY_FAMILY, 0, 7, &payload);
        assert_eq!(read(&datagram), [Message::Socket(found)]);
    }
}

#[test]
fn an_answer_is_read_message_by_message() {
    let one = framed(SOCK_DIAG_BY_FAMILY, 2, 7, &told(AF_INET, 8, (&[1; 4], 1), (&[2; 4], 2)));
    let stale = framed(SOCK_DIAG_BY_FAMILY, 2, 6, &told(AF_INET, 8, (&[1; 4], 1), (&[2; 4], 2)));
    let done = framed(NLMSG_DONE, 2, 7, &[0; 4]);
    let all = read(&[one.clone(), stale, one, done].concat());
    assert!(matches!(all[..], [Message::Socket(_), Message::Socket(_), Message::Done]), "{all:?}");
}

#[test]
fn faults_are_read() {
    let refused = (-13_i32).to_ne_bytes();
    for (datagram, message) in [
        (framed(NLMSG_ERROR, 0, 7, &refused), Message::Error(13)),
        (framed(NLMSG_ERROR, 0, 7, &i32::MIN.to_ne_bytes()), Message::Error(i32::MAX)),
        (framed(NLMSG_ERROR, 0, 7, &[]), Message::Other),
        (framed(NLMSG_DONE, 0, 7, &refused), Message::Error(13)),
        (framed(NLMSG_DONE, 0, 7, &[]), Message::Done),
        (framed(NLMSG_DONE, NLM_F_DUMP_INTR, 7, &[]), Message::Interrupted),
        (framed(SOCK_DIAG_BY_FAMILY, 0, 7, &[AF_INET; 71]), Message::Other),
        (framed(SOCK_DIAG_BY_FAMILY, 0, 7, &[1; 72]), Message::Other),
        (framed(77, 0, 7, &[0; 72]), Message::Other),
    ] {
        assert_eq!(read(&datagram), [message]);
    }
}

#[test]
fn only_some_states_await_an_accept() {
    let waiting: Vec<u8> = (0..=255).filter(|state| State(*state).awaits_accept()).collect();
    assert_eq!(waiting, [1, 3, 8]);
    assert_eq!(State(255).bit(), 0);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(datagram: Vec<u8>, sequence: u32) {
        let most = datagram.len() / HEADER;
        prop_assert!(messages(&datagram, sequence).count() <= most);
    }

    #[test]
    fn any_payload_is_survived(kind in 0_u16..24, payload: Vec<u8>) {
        prop_assert_eq!(read(&framed(kind, 0, 7, &payload)).len(), 1);
    }

    #[test]
    fn every_cut_is_survived(cut in 0_usize..180) {
        let one = framed(SOCK_DIAG_BY_FAMILY, 0, 7, &told(AF_INET, 1, (&[1; 4], 1), (&[2; 4], 2)));
        let two = [one.clone(), one.clone()].concat();
        let cut = cut.min(two.len());
        prop_assert_eq!(read(&two[..cut]).len(), cut / one.len());
    }
}
