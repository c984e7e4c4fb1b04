//! The best of many, in an order that is the same every time.

/// A chunk: its segment, and its entry in it.
pub type Place = (u32, u32);

/// What orders equals.
pub trait Order {
    /// Orders within a segment as the other two do over all.
    fn rank(&self, place: Place) -> (u64, u64);

    /// The path of the document.
    fn path(&self, place: Place) -> String;
}

/// Keeps the best, and with them whatever is as good as the last of them.
pub struct Best {
    limit: usize,
    /// Scores that differ by no more than this share of them are equal: sums of the same parts in another order.
    slack: f32,
    found: Vec<(f32, Place)>,
    /// Nothing below it is of use.
    floor: f32,
    room: usize,
}

impl Best {
    pub fn new(limit: usize, slack: f32) -> Self {
        Self { limit, slack, found: Vec::new(), floor: f32::NEG_INFINITY, room: limit.saturating_mul(2).max(64) }
    }

    /// A score below it would change nothing.
    pub fn floor(&self) -> f32 {
        self.floor
    }

    /// The floor, now that all are here.
    pub fn settled(mut self) -> f32 {
        self.shrink();
        self.floor
    }

    pub fn push(&mut self, score: f32, place: Place) {
        if score >= self.floor {
            self.found.push((score, place));
            if self.found.len() >= self.room {
                self.shrink();
            }
        }
    }

    fn shrink(&mut self) {
        let last = self.limit.saturating_sub(1);
        if last >= self.found.len() {
            return;
        }
        let (_, &mut (score, _), _) = self.found.select_nth_unstable_by(last, |one, other| other.0.total_cmp(&one.0));
        self.floor = self.floor.max(score - score.abs() * self.slack);
        let floor = self.floor;
        self.found.retain(|&(score, _)| score >= floor);
        // Where many are equal none of them can go yet.
        self.room = self.room.max(self.found.len().saturating_mul(2));
    }

    /// The best first; equals by path, and then by line.
    pub fn finish(mut self, order: &impl Order) -> Vec<(f32, Place)> {
        if self.limit == 0 {
            return Vec::new();
        }
        self.shrink();
        self.found.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
        let mut all = Vec::with_capacity(self.limit.min(self.found.len()));
        let near = |one: &(f32, Place), next: &(f32, Place)| one.0 - next.0 <= one.0.abs() * self.slack;
        for equals in self.found.chunk_by(near) {
            let left = self.limit - all.len();
            if left == 0 {
                break;
            }
            let score = equals[0].0;
            all.extend(ordered(equals, left, order).into_iter().map(|place| (score, place)));
        }
        all
    }
}

/// The first of equals.
fn ordered(equals: &[(f32, Place)], limit: usize, order: &impl Order) -> Vec<Place> {
    let mut places: Vec<_> = equals.iter().map(|&(_, place)| place).collect();
    if places.len() == 1 {
        return places;
    }
    // A rank is cheap, a path is not: no more paths than could be wanted.
    places.sort_by_cached_key(|&place| (place.0, order.rank(place)));
    let each = places.chunk_by(|one, next| one.0 == next.0).flat_map(|segment| segment.iter().take(limit));
    let mut places: Vec<_> = each.copied().collect();
    places.sort_by_cached_key(|&place| (order.path(place), order.rank(place).1));
    places.truncate(limit);
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Entry n of segment s is line n % 10 of the document of that number, which has the same order everywhere.
    struct Numbers;

    impl Order for Numbers {
        fn rank(&self, (_, doc): Place) -> (u64, u64) {
            (u64::from(doc / 10), u64::from(doc % 10))
        }

        fn path(&self, (segment, doc): Place) -> String {
            format!("{:03}.{segment}", doc / 10)
        }
    }

    fn best(limit: usize, all: &[(f32, Place)]) -> Vec<(f32, Place)> {
        let mut best = Best::new(limit, 1e-6);
        for &(score, place) in all {
            if score > best.floor() {
                best.push(score, place);
            }
        }
        best.finish(&Numbers)
    }

    #[test]
    fn it_is_the_head_of_what_sorting_gives() {
        let all: Vec<_> = (0..3000_u32)
            .map(|nth| {
                let mixed = nth.wrapping_mul(2_654_435_761) >> 16;
                ((mixed % 37) as f32 - 10.0, (mixed % 3, nth))
            })
            .collect();
        let mut sorted = all.clone();
        sorted.sort_by(|(one, a), (other, b)| {
            let rest = |place| (Numbers.path(place), Numbers.rank(place));
            other.total_cmp(one).then_with(|| rest(*a).cmp(&rest(*b)))
        });
        for limit in [0, 1, 10, 100, 1000, 3000, usize::MAX] {
            assert_eq!(best(limit, &all), sorted[..limit.min(3000)], "{limit}");
        }
    }

    #[test]
    fn what_differs_by_rounding_is_equal() {
        let up = f32::from_bits(1.0_f32.to_bits() + 2);
        assert_eq!(best(2, &[(1.0, (0, 10)), (up, (0, 20)), (0.5, (0, 0))]), [(up, (0, 10)), (up, (0, 20))]);
        assert_eq!(best(1, &[(1.0, (1, 10)), (up, (0, 20))]), [(up, (1, 10))]);
    }
}
