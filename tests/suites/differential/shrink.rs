//! Delta debugging: what is left of a failing sequence when all that can go is gone.

/// Drops parts of `items`, halves first and single ones last, as long as the rest still `fails`,
/// until no single item can be dropped.
pub(super) fn shrink<T: Clone>(items: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut kept = items.to_vec();
    let mut part = kept.len();
    loop {
        let before = kept.len();
        let mut start = 0;
        while start < kept.len() {
            let end = kept.len().min(start + part);
            let rest = [&kept[..start], &kept[end..]].concat();
            if fails(&rest) {
                kept = rest;
            } else {
                start = end;
            }
        }
        if part > 1 {
            part = part.div_ceil(2);
        } else if kept.len() == before {
            return kept;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn what_is_needed_stays_and_nothing_else() {
        let items: Vec<u32> = (0..200).collect();
        for needed in [&[7_u32][..], &[0, 199], &[3, 4, 5, 90, 91, 150]] {
            let fails = |rest: &[u32]| needed.iter().all(|n| rest.contains(n));
            assert_eq!(shrink(&items, fails), needed);
        }
    }

    #[test]
    fn an_item_that_can_go_only_after_a_later_one_goes_too() {
        // 5 can be dropped once 9 is gone, which is tried after it.
        let fails = |rest: &[u32]| rest.contains(&2) && (rest.contains(&5) || !rest.contains(&9));
        assert_eq!(shrink(&(0..10).collect::<Vec<_>>(), fails), [2]);
    }
}
