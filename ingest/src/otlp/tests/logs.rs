//! Log records: what they say, and the reader by hand beside the generated types.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValueList};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as WireRecord, ResourceLogs, ScopeLogs};
use proptest::prelude::*;

use super::*;
use crate::KnownSeries;
use crate::otlp::logs::against_prost;

#[test]
fn log_records_keep_everything_they_say() {
    check(
        &OtlpLogs,
        LOGS,
        expect![[r#"
            rows 4
            2027-01-15T08:00:00.123456Z +789ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=Some("ERROR") trace=Some("5b8efff798038103d269b633813fc60c") span=Some("eee19b7ec3c1b174") body="payment failed"
              deployment.environment=prod
              host.name=overridden
              items=["a",2]
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
              user.id=7
            2027-01-15T08:00:01Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=Some("INFO2") trace=None span=None body="{\"event\":\"login\",\"ok\":true,\"raw\":\"AP8=\"}"
              deployment.environment=prod
              event.name=user.login
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
            2027-01-15T08:00:00Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=None trace=None span=None body="2.5"
              deployment.environment=prod
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
            2027-01-15T08:00:00Z +0ns service=Some("checkout") env=Some("prod") host=Some("node-7") severity=None trace=None span=None body=""
              deployment.environment=prod
              host.name=node-7
              otel.scope.name=app.cart
              otel.scope.version=3
              service.name=checkout
        "#]],
    );
}

#[test]
fn observed_time_is_the_second_choice() {
    let decoded = decode_json(&OtlpLogs, LOGS).unwrap();
    let times: Vec<Timestamp> = records(&decoded).iter().map(|log| log.ts).collect();
    assert_eq!(times[1], Timestamp::from_secs(1_800_000_001));
    assert_eq!((times[2], times[3]), (NOW, NOW));
}

/// What is read by hand, which is what the generated types say.
fn by_hand(body: &[u8], limits: &IngestLimits) -> Option<Decoded> {
    let (families, known) = (FamilyTypes::default(), KnownSeries::new(0));
    let context = Context { limits, source: "otlp:test", now: NOW, families: &families, known: &known };
    against_prost::check(body, &context)
}

fn golden() -> Vec<u8> {
    serde_json::from_str::<ExportLogsServiceRequest>(LOGS).unwrap().encode_to_vec()
}

#[test]
fn a_plain_request_is_read_by_hand() {
    let decoded = by_hand(&golden(), &IngestLimits::default()).expect("the golden request is plain");
    assert_eq!(show(&decoded), show(&decode_json(&OtlpLogs, LOGS).unwrap()));
}

#[test]
fn what_a_generated_writer_would_not_write_is_left_to_the_generated_types() {
    let limits = IngestLimits::default();
    let field = |number: u8, content: &[u8]| [&[number << 3 | 2, content.len() as u8], content].concat();
    let text = |text: &str| field(1, text.as_bytes());
    let attribute = |key: &str, value: &[u8]| field(1, &[text(key), field(2, value)].concat());
    let resource = |name: &str| field(1, &attribute("service.name", &text(name)));
    let scope_logs = field(2, &field(2, &[field(5, &text("hello"))].concat()));
    let request = |fields: &[Vec<u8>]| field(1, &fields.concat());
    let plain = request(&[scope_logs.clone(), resource("a")]);
    assert_eq!(records(&by_hand(&plain, &limits).unwrap())[0].service.as_deref(), Some("a"));
    for odd in [
        request(&[resource("a"), scope_logs.clone(), resource("b")]),
        request(&[resource("a"), scope_logs.clone(), field(15, b"?")]),
        request(&[
            field(1, &attribute("service.name", &[text("a"), text("b")].concat())),
            scope_logs.clone(),
        ]),
        [plain.clone(), field(7, b"?")].concat(),
    ] {
        assert!(by_hand(&odd, &limits).is_none(), "{odd:?}");
        let decoded = decode(&OtlpLogs, &protobuf_head(), &odd, &limits).unwrap();
        assert_eq!(&*records(&decoded)[0].body, "hello");
    }
}

#[test]
fn refused_records_are_left_to_the_generated_types() {
    let small = IngestLimits { log_body_bytes_max: 3, ..IngestLimits::default() };
    assert!(by_hand(&golden(), &small).is_none());
    let decoded = decode(&OtlpLogs, &protobuf_head(), &golden(), &small).unwrap();
    let refused: u64 = decoded.rejections.refused("s").iter().map(|refused| refused.count).sum();
    assert_eq!((decoded.rows, records(&decoded).len() as u64), (4, 4 - refused));
    let none = IngestLimits { rows_per_request_max: 1, ..IngestLimits::default() };
    let error = decode(&OtlpLogs, &protobuf_head(), &golden(), &none).unwrap_err();
    assert!(matches!(error, IngestError::TooLarge { limit: Limit::RowsPerRequest, .. }));
}

fn some(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn pair((key, value): (String, Value)) -> KeyValue {
    KeyValue { key, value: Some(some(value)), ..KeyValue::default() }
}

fn any_value() -> impl Strategy<Value = Option<AnyValue>> {
    let leaf = prop_oneof![
        "\\PC{0,6}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>().prop_map(Value::DoubleValue),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::BytesValue),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|values| {
                Value::ArrayValue(ArrayValue { values: values.into_iter().map(some).collect() })
            }),
            prop::collection::vec(("[a-c]", inner), 0..3).prop_map(|pairs| {
                Value::KvlistValue(KeyValueList { values: pairs.into_iter().map(pair).collect() })
            }),
        ]
    });
    prop::option::of(prop::option::of(value).prop_map(|value| AnyValue { value }))
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    let key = prop_oneof!["[a-e]", Just("service.name".to_owned()), Just("env".to_owned())];
    let pair = (key, any_value()).prop_map(|(key, value)| KeyValue { key, value, ..KeyValue::default() });
    prop::collection::vec(pair, 0..4)
}

fn wire_record() -> impl Strategy<Value = WireRecord> {
    let id =
        |length| prop_oneof![Just(vec![]), prop::collection::vec(0_u8..4, length), Just(vec![0; length])];
    let texts = ("[ a-zA-Zé]{0,20}", prop_oneof![Just(String::new()), Just("login".to_owned())]);
    let times = (prop_oneof![Just(0), any::<u64>()], prop_oneof![Just(0), any::<u64>()]);
    (times, texts, any_value(), attributes(), id(16), id(8), -1_i32..26).prop_map(
        |((time_unix_nano, observed_time_unix_nano), texts, body, attributes, trace_id, span_id, number)| {
            let (severity_text, event_name) = texts;
            WireRecord {
                time_unix_nano,
                observed_time_unix_nano,
                severity_number: number,
                severity_text,
                body,
                attributes,
                dropped_attributes_count: number.unsigned_abs(),
                flags: number.unsigned_abs(),
                trace_id,
                span_id,
                event_name,
            }
        },
    )
}

fn wire_request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scope = ("[a-z]{0,3}", attributes()).prop_map(|(name, attributes)| InstrumentationScope {
        version: name.clone(),
        name,
        attributes,
        ..InstrumentationScope::default()
    });
    let scope_logs = (prop::option::of(scope), prop::collection::vec(wire_record(), 0..4));
    let scope_logs = scope_logs.prop_map(|(scope, log_records)| ScopeLogs {
        scope,
        log_records,
        schema_url: "https://example.test".into(),
    });
    let resource = attributes().prop_map(|attributes| Resource { attributes, ..Resource::default() });
    let resource_logs = (prop::option::of(resource), prop::collection::vec(scope_logs, 0..3));
    let resource_logs = resource_logs.prop_map(|(resource, scope_logs)| ResourceLogs {
        resource,
        scope_logs,
        ..ResourceLogs::default()
    });
    prop::collection::vec(resource_logs, 0..3)
        .prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

proptest! {
    #[test]
    fn what_is_read_by_hand_is_what_the_generated_types_say(request in wire_request()) {
        by_hand(&request.encode_to_vec(), &IngestLimits::default());
    }

    #[test]
    fn damage_is_seen_as_the_generated_types_see_it(
        request in wire_request(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
    ) {
        let mut body = request.encode_to_vec();
        if !body.is_empty() {
            let at = at.index(body.len());
            body[at] ^= flip;
            by_hand(&body, &IngestLimits::default());
            by_hand(&body[..at], &IngestLimits::default());
        }
    }
}
