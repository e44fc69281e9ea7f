//! Branches and what is known of them.

use crate::{branches::*, testkit::brasserie};

#[derive(Debug)]
pub(in crate::testkit) struct Branches {
    pub(in crate::testkit) list: Vec<(Branch, BranchInformation)>,
}

impl Branches {
    pub(in crate::testkit) fn brasserie() -> Self {
        let mut branches = Self { list: Vec::new() };
        for (number, name, street, zipcode, city) in brasserie::BRANCHES {
            branches.add(number, name);
            if let Some((_, information)) = branches.list.last_mut() {
                (information.address, information.zipcode, information.city) =
                    (street.into(), zipcode.into(), city.into());
            }
        }
        branches
    }

    pub(in crate::testkit) fn add(&mut self, branch_number: i32, name: &str) {
        let workplace = |workplace_number| Workplace {
            workplace_number,
            workplace_name: format!("Kassa {workplace_number}"),
            is_mobile: workplace_number > 1,
            ..Workplace::default()
        };
        let branch = Branch {
            branch_number,
            branch_name: name.to_owned(),
            abbreviation: format!("V{branch_number}"),
            workplaces: vec![workplace(1), workplace(2)].into(),
            country_code: 528,
            country_iso3: "NLD".into(),
            country_name: "Nederland".into(),
            ..Branch::default()
        };
        let information = BranchInformation {
            branch_number,
            branch_name: name.to_owned(),
            company_name: "Brasserie De Gouden Leeuw B.V.".into(),
            country_code: 528,
            country_name: "Nederland".into(),
            telephone: format!("+31 20 555 01 {branch_number:02}"),
            email: format!("filiaal{branch_number}@gouden-leeuw.example"),
            vat_number: "NL000000000B01".into(),
            ..BranchInformation::default()
        };
        self.list.push((branch, information));
    }

    pub(in crate::testkit) fn numbers(&self) -> Vec<i32> {
        self.list.iter().map(|(branch, _)| branch.branch_number).collect()
    }

    pub(in crate::testkit) fn get(&self, number: i32) -> Option<&Branch> {
        self.list.iter().map(|(branch, _)| branch).find(|branch| branch.branch_number == number)
    }

    pub(in crate::testkit) fn has_workplace(&self, branch: i32, workplace: i32) -> bool {
        self.get(branch)
            .is_some_and(|branch| branch.workplaces.iter().any(|held| held.workplace_number == workplace))
    }
}
