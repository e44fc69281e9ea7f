//! Typed client for the MplusQapi SOAP interface of the MplusKASSA point of sale.
