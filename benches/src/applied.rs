//! The state machine of the benchmarks.

/// What a node has applied, in a form that differs when one payload differs, is missing, or comes
/// out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    payloads: u64,
    digest: u64,
}

impl Applied {
    /// How many payloads have been applied.
    #[must_use]
    pub fn payloads(&self) -> u64 {
        self.payloads
    }

    /// Applies the payload of a normal entry. The empty one of a new leader changes nothing.
    pub fn apply(&mut self, payload: &[u8]) {
        let Some(number) = payload.first_chunk() else { return };
        let seen = u64::from_le_bytes(*number) ^ payload.len() as u64;
        self.digest = (self.digest ^ seen).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.payloads += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Payloads;

    fn applied(payloads: &[Vec<u8>]) -> Applied {
        let mut applied = Applied::default();
        payloads.iter().for_each(|payload| applied.apply(payload));
        applied
    }

    #[test]
    fn tells_order_loss_and_size() {
        let payloads: Vec<_> = Payloads::new(16).take(3).collect();
        let [a, b, c] = [0, 1, 2].map(|at| payloads[at].clone());
        let all = applied(&payloads);
        assert_eq!(all.payloads(), 3);
        assert_eq!(all, applied(&[a.clone(), vec![], b.clone(), c.clone()]));
        assert_ne!(all, applied(&[a.clone(), c, b.clone()]));
        assert_ne!(all, applied(&[a.clone(), b.clone()]));
        assert_ne!(all, applied(&[a, b.clone(), b]));
        assert_ne!(all, applied(&Payloads::new(17).take(3).collect::<Vec<_>>()));
    }
}
