use hickory_proto::rr::rdata::{A, CNAME, SOA};

use super::*;

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn key(text: &str) -> Key {
    Key::new(name(text), RecordType::A)
}

fn address(ttl: u32) -> Record {
    Record::from_rdata(name("a.example."), ttl, RData::A(A::new(192, 0, 2, 1)))
}

fn alias(ttl: u32) -> Record {
    let target = RData::CNAME(CNAME(name("b.example.")));
    Record::from_rdata(name("a.example."), ttl, target)
}

fn authority(ttl: u32, minimum: u32) -> Record {
    let soa = SOA::new(
        name("ns.example."),
        name("who.example."),
        1,
        2,
        3,
        4,
        minimum,
    );
    Record::from_rdata(name("example."), ttl, RData::SOA(soa))
}

fn found(code: ResponseCode, answers: &[Record], authorities: &[Record]) -> Found {
    Found {
        code,
        answers: answers.to_vec(),
        authorities: authorities.to_vec(),
        length: 100,
    }
}

/// Seconds for which `found` is remembered.
fn remembered(found: Found) -> u64 {
    let (mut cache, start) = (Cache::default(), Instant::now());
    cache.insert(&key("a.example."), Arc::new(found), start);
    let at = |second| start + Duration::from_secs(second);
    let is_there = |second: &u64| cache.get(&key("a.example."), at(*second)).is_some();
    (0..60).take_while(is_there).count().try_into().unwrap()
}

#[test]
fn an_answer_is_remembered_as_long_as_its_records_and_half_a_minute_at_most() {
    fn answer(answers: &[Record]) -> Found {
        found(ResponseCode::NoError, answers, &[])
    }
    assert_eq!(remembered(answer(&[address(7), address(3)])), 3);
    assert_eq!(remembered(answer(&[alias(4), address(9)])), 4);
    assert_eq!(remembered(answer(&[address(86_400)])), 30);
    assert_eq!(remembered(answer(&[address(0)])), 0);
}

#[test]
fn an_absence_is_remembered_as_its_authority_says() {
    fn absent(answers: &[Record], authorities: &[Record]) -> Found {
        found(ResponseCode::NXDomain, answers, authorities)
    }
    assert_eq!(remembered(absent(&[], &[authority(9, 5)])), 5);
    assert_eq!(remembered(absent(&[], &[authority(5, 9)])), 5);
    assert_eq!(remembered(absent(&[], &[authority(900, 900)])), 30);
    assert_eq!(remembered(absent(&[], &[])), 0);
    assert_eq!(remembered(absent(&[alias(2)], &[authority(9, 9)])), 2);
    let empty = |answers: &[Record]| found(ResponseCode::NoError, answers, &[authority(9, 6)]);
    assert_eq!(remembered(empty(&[])), 6);
    assert_eq!(remembered(empty(&[alias(20)])), 6);
}

#[test]
fn a_failure_is_remembered_for_a_second() {
    assert_eq!(remembered(Found::failure()), 1);
    assert_eq!(
        remembered(found(ResponseCode::Refused, &[address(20)], &[])),
        1
    );
}

#[test]
fn what_is_remembered_grows_old() {
    let (mut cache, start) = (Cache::default(), Instant::now());
    let answer = found(ResponseCode::NoError, &[address(900), address(12)], &[]);
    cache.insert(&key("A.example."), Arc::new(answer), start);
    let later = cache
        .get(&key("a.EXAMPLE."), start + Duration::from_secs(5))
        .unwrap();
    let left: Vec<u32> = later.answers.iter().map(|record| record.ttl).collect();
    assert_eq!(left, [25, 7]);
    assert!(
        cache
            .get(&Key::new(name("a.example."), RecordType::AAAA), start)
            .is_none()
    );
}

#[test]
fn the_newest_answer_takes_the_place_of_the_older_one() {
    let (mut cache, start) = (Cache::default(), Instant::now());
    for ttl in [20, 10] {
        let answer = found(ResponseCode::NoError, &[address(ttl)], &[]);
        cache.insert(&key("a.example."), Arc::new(answer), start);
    }
    assert_eq!((cache.len(), cache.bytes, cache.by_end.len()), (1, 100, 1));
    let kept = cache.get(&key("a.example."), start).unwrap();
    assert_eq!(kept.answers[0].ttl, 10);
    let gone = found(ResponseCode::NXDomain, &[], &[]);
    cache.insert(&key("a.example."), Arc::new(gone), start);
    assert_eq!((cache.len(), cache.bytes, cache.by_end.len()), (0, 0, 0));
}

#[test]
fn it_never_holds_too_much_and_keeps_what_lives_longest() {
    let (mut cache, start) = (Cache::default(), Instant::now());
    for number in 0..12_000_u32 {
        let mut answer = found(ResponseCode::NoError, &[address(1 + number % 30)], &[]);
        answer.length = if number < 11_000 { 40 } else { LARGEST_ENTRY };
        cache.insert(
            &key(&format!("n{number}.example.")),
            Arc::new(answer),
            start,
        );
        assert!(cache.len() <= MOST_ENTRIES && cache.bytes <= MOST_BYTES);
        assert_eq!(cache.by_end.len(), cache.len());
    }
    assert!(cache.get(&key("n11999.example."), start).is_some());
    let mut large = found(ResponseCode::NoError, &[address(30)], &[]);
    large.length = LARGEST_ENTRY + 1;
    cache.insert(&key("large.example."), Arc::new(large), start);
    assert!(cache.get(&key("large.example."), start).is_none());
    let later = start + Duration::from_secs(40);
    let answer = found(ResponseCode::NoError, &[address(9)], &[]);
    cache.insert(&key("last.example."), Arc::new(answer), later);
    assert_eq!(cache.len(), 1);
}
