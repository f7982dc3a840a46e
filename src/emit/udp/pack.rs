//! Packs the datagrams of a batch into loads that leave in one system call each.
//!
//! The kernel cuts one long buffer into datagrams of equal size (`UDP_SEGMENT`, udp(7)) at a
//! fraction of what as many calls cost, and that cost is most of what tracing a request costs. So
//! neighbours of similar length are brought to one length with trailing spaces, which JSON allows.
//! The order of the documents stays.

use std::ops::Range;

use crate::trace::document::Batch;

/// Most datagrams the kernel cuts one buffer into (`UDP_MAX_SEGMENTS` before Linux 6.9).
const MOST: usize = 64;

/// Most bytes of one load: the largest UDP payload over IPv4.
const LARGEST: usize = 65_507;

/// Datagrams that leave together: `bytes` in steps of `segment`, the last one perhaps shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Load<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) segment: usize,
    pub(super) documents: u64,
}

impl<'a> Load<'a> {
    /// One datagram alone.
    pub(super) const fn one(datagram: &'a [u8]) -> Self {
        Self { bytes: datagram, segment: datagram.len(), documents: 1 }
    }

    /// The datagrams, each alone.
    pub(super) fn apart(self) -> impl Iterator<Item = Self> {
        self.bytes.chunks(self.segment.max(1)).map(Self::one)
    }
}

/// Packs; keeps its memory from batch to batch.
#[derive(Debug, Default)]
pub(super) struct Packer {
    buffer: Vec<u8>,
    packed: Vec<Packed>,
}

/// Where a load lies in the buffer.
#[derive(Debug)]
struct Packed {
    bytes: Range<usize>,
    segment: usize,
    documents: u64,
}

impl Packer {
    /// Packs a batch. Datagrams longer than `longest` leave alone: the kernel cuts only what
    /// fits the route without fragments.
    pub(super) fn pack(&mut self, batch: &Batch, longest: usize) {
        self.buffer.clear();
        self.buffer.shrink_to(4 * LARGEST);
        self.packed.clear();
        let mut group = Group::default();
        for datagram in batch.datagrams() {
            if !group.takes(datagram.len(), longest) {
                self.load(&group);
                group.datagrams.clear();
            }
            group.add(datagram);
        }
        self.load(&group);
    }

    /// The loads, in the order of their documents.
    pub(super) fn loads(&self) -> impl Iterator<Item = Load<'_>> {
        self.packed.iter().filter_map(|Packed { bytes, segment, documents }| {
            let bytes = self.buffer.get(bytes.clone())?;
            Some(Load { bytes, segment: *segment, documents: *documents })
        })
    }

    fn load(&mut self, group: &Group<'_>) {
        let Some((last, others)) = group.datagrams.split_last() else { return };
        let start = self.buffer.len();
        for datagram in others {
            self.buffer.extend_from_slice(datagram);
            let padded = self.buffer.len() + group.longest - datagram.len();
            self.buffer.resize(padded, b' ');
        }
        self.buffer.extend_from_slice(last);
        let documents = group.datagrams.len() as u64;
        let bytes = start..self.buffer.len();
        self.packed.push(Packed { bytes, segment: group.longest, documents });
    }
}

/// Neighbours that leave together.
#[derive(Debug, Default)]
struct Group<'a> {
    datagrams: Vec<&'a [u8]>,
    shortest: usize,
    longest: usize,
}

impl<'a> Group<'a> {
    /// Whether a datagram of this length may leave with the others: together they keep the kernel's
    /// bounds, and padding adds at most a third to the shortest.
    fn takes(&self, length: usize, most: usize) -> bool {
        let (shortest, longest) = (self.shortest.min(length), self.longest.max(length));
        let count = self.datagrams.len();
        count == 0
            || (count < MOST
                && longest <= most
                && longest * (count + 1) <= LARGEST
                && longest - shortest <= shortest / 3)
    }

    fn add(&mut self, datagram: &'a [u8]) {
        if self.datagrams.is_empty() {
            (self.shortest, self.longest) = (datagram.len(), datagram.len());
        }
        self.shortest = self.shortest.min(datagram.len());
        self.longest = self.longest.max(datagram.len());
        self.datagrams.push(datagram);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::emit::testing::segment;
    use crate::trace::site::Surroundings;

    fn batch(path_lengths: &[usize]) -> Batch {
        let mut batch = Batch::default();
        for (own, length) in path_lengths.iter().enumerate() {
            batch.encode(segment(own as u64 * 2 + 1, 1, *length), &Surroundings::default());
        }
        batch
    }

    fn sizes(packer: &Packer) -> Vec<u64> {
        packer.loads().map(|load| load.documents).collect()
    }

    #[test]
    fn neighbours_of_similar_length_leave_together() {
        let mut packer = Packer::default();
        for (lengths, longest, want) in [
            (vec![10; 5], LARGEST, vec![5]),
            (vec![10, 60, 20, 2_000, 2_100, 10], LARGEST, vec![3, 2, 1]),
            (vec![10, 2_000, 2_000, 10], 1_400, vec![1, 1, 1, 1]),
            (vec![10; 130], LARGEST, vec![64, 64, 2]),
            (vec![20_000; 4], LARGEST, vec![3, 1]),
            (vec![], LARGEST, vec![]),
        ] {
            packer.pack(&batch(&lengths), longest);
            assert_eq!(sizes(&packer), want, "{lengths:?}");
        }
    }

    proptest! {
        #[test]
        fn the_kernels_cuts_give_the_documents_back(
            lengths in proptest::collection::vec(0..3_000_usize, 0..100),
            longest in 300..LARGEST,
        ) {
            let (mut packer, batch) = (Packer::default(), batch(&lengths));
            packer.pack(&batch, longest);
            let mut cuts = Vec::new();
            for load in packer.loads() {
                prop_assert!(load.bytes.len() <= LARGEST);
                prop_assert!(load.documents == 1 || load.segment <= longest);
                let before = cuts.len();
                cuts.extend(load.apart().map(|one| one.bytes.trim_ascii_end()));
                prop_assert_eq!((cuts.len() - before) as u64, load.documents);
            }
            prop_assert_eq!(cuts, batch.datagrams().collect::<Vec<_>>());
        }
    }
}
