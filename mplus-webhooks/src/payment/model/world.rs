//! Two payments and the clock.

use super::decision::Decisions;
use super::side::Side;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) sides: Vec<Side>,
    late: bool,
}

impl World {
    pub(super) fn new() -> Self {
        Self { sides: vec![Side::new(), Side::new()], late: false }
    }

    /// Every world that is one step away. A till stands with the number of the payment that it works on.
    pub(super) fn steps(&self, tills: &[(usize, usize)], decisions: &mut Decisions) -> Vec<Self> {
        let mut next = Vec::new();
        for (place, side) in self.sides.iter().enumerate() {
            let mut sides = Vec::new();
            for (number, _) in tills.iter().filter(|(_, addressed)| *addressed == place) {
                side.till_steps(*number, decisions, &mut sides);
            }
            side.provider_steps(&mut sides);
            side.work_steps(decisions, &mut sides);
            side.look(self.late, decisions, &mut sides);
            next.extend(sides.into_iter().map(|side| {
                let mut world = self.clone();
                world.sides[place] = side;
                world
            }));
        }
        let mut late = self.clone();
        late.late = true;
        next.push(late);
        // The process dies: what is stored and what is true stays.
        let mut crashed = self.clone();
        crashed.sides.iter_mut().for_each(|side| side.work.clear());
        next.push(crashed);
        next
    }
}
