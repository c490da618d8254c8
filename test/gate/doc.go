// Package gate tests what reaches an outsider: the table of routes against the
// policy, role by role, and non-interference. Pairs of stores are generated that
// differ only in what a recipient may not see; everything that reaches the
// recipient must be the same in both.
//
// What may differ is named here and nowhere else: the request's own id, which is
// random; numbers such as ALM-4K7Q-2M9X and the secrets of links, which are keyed
// permutations and random values that say nothing of how many others there are.
// They are replaced by their order of appearance before the comparison; in pairs
// whose hidden things came later even they must be equal.
package gate
