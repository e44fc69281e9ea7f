//! The chapters of the guide, compiled.
