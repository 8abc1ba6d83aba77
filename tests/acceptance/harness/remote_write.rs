//! Remote write 1.0 as a sender writes it, from the published protocol and from nothing of ours.

/// `prometheus.WriteRequest`
#[derive(Clone, PartialEq, prost::Message)]
pub struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    pub timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    pub labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    pub samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Label {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Sample {
    #[prost(double, tag = "1")]
    pub value: f64,
    #[prost(int64, tag = "2")]
    pub timestamp: i64,
}

/// A series in the making: its labels in any order, its samples as milliseconds and value.
pub struct Series<'a> {
    pub labels: &'a [(&'a str, &'a str)],
    pub samples: &'a [(i64, f64)],
}

impl WriteRequest {
    pub fn of(series: &[Series<'_>]) -> WriteRequest {
        let label =
            |(name, value): &(&str, &str)| Label { name: (*name).to_owned(), value: (*value).to_owned() };
        let sample = |(timestamp, value): &(i64, f64)| Sample { value: *value, timestamp: *timestamp };
        let series = series.iter().map(|series| {
            let mut labels: Vec<Label> = series.labels.iter().map(label).collect();
            labels.sort_by(|a, b| a.name.cmp(&b.name));
            TimeSeries { labels, samples: series.samples.iter().map(sample).collect() }
        });
        WriteRequest { timeseries: series.collect() }
    }
}

/// The snappy block format, literals alone: correct and not compressed.
pub fn snappy_block(plain: &[u8]) -> Vec<u8> {
    const LITERAL_MAX: usize = 1 << 16;
    /// A literal whose length less one follows in two bytes.
    const LITERAL_16: u8 = 61 << 2;
    let mut block = varint(plain.len());
    for chunk in plain.chunks(LITERAL_MAX) {
        block.push(LITERAL_16);
        block.extend_from_slice(&((chunk.len() - 1) as u16).to_le_bytes());
        block.extend_from_slice(chunk);
    }
    block
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
