//! Menu, stock, order and branch sync with the MplusKASSA point of sale.
