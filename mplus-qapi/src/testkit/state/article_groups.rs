//! The tree of article groups.

use crate::testkit::brasserie;

#[derive(Debug, Clone)]
pub(in crate::testkit) struct ArticleGroups {
    pub(in crate::testkit) list: Vec<Group>,
    pub(in crate::testkit) marker: i64,
}

#[derive(Debug, Clone)]
pub(in crate::testkit) struct Group {
    pub(in crate::testkit) number: i32,
    pub(in crate::testkit) parent: i32,
    pub(in crate::testkit) name: String,
    pub(in crate::testkit) text: String,
    pub(in crate::testkit) sort_order: i32,
    pub(in crate::testkit) marker: i64,
    pub(in crate::testkit) deleted: bool,
}

impl ArticleGroups {
    pub(in crate::testkit) fn brasserie() -> Self {
        let mut groups = Self { list: Vec::new(), marker: 0 };
        for (number, parent, name) in brasserie::GROUPS {
            groups.add(number, parent, name, name);
        }
        groups
    }

    pub(in crate::testkit) fn add(&mut self, number: i32, parent: i32, name: &str, text: &str) {
        let sort_order = self.list.iter().filter(|group| group.parent == parent).count() as i32;
        self.marker += 1;
        self.list.push(Group {
            number,
            parent,
            name: name.to_owned(),
            text: text.to_owned(),
            sort_order,
            marker: self.marker,
            deleted: false,
        });
    }

    pub(in crate::testkit) fn marker(&self) -> i64 {
        self.marker
    }

    pub(in crate::testkit) fn get_mut(&mut self, number: i32) -> Option<&mut Group> {
        self.list.iter_mut().find(|group| group.number == number && !group.deleted)
    }

    pub(in crate::testkit) fn touch(&mut self, number: i32) {
        self.marker += 1;
        let marker = self.marker;
        if let Some(group) = self.list.iter_mut().find(|group| group.number == number) {
            group.marker = marker;
        }
    }
}
