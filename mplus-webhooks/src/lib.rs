//! Webhooks and external payments for the MplusKASSA point of sale.
