// Package observable types and checks what an incident leaves behind: addresses,
// names, hashes, accounts, wallets, bank accounts.
//
// Words: an [Observable] is a value of one [Kind] in its canonical form; two reports
// of the same thing, however written, have the same canonical form. Defanged text
// (hxxps://evil[.]example, user[@]evil[.]example) is text that nobody can click by
// accident; [Parse], [Detect] and [Extract] understand it, [Defang] writes it.
//
// Promises:
//
//   - [Parse] checks what can be checked without asking anybody: syntax, lengths and,
//     where the form carries one, the checksum. It never guesses: an error is an
//     *[Error] that says what is wrong and shows an example of the kind;
//   - a canonical value is stable: Parse of it, and of its defanged form, gives it
//     again. Text is at most [MaxText] bytes of UTF-8;
//   - [Extract] reads any text in time linear to its length and never reports a value
//     that Parse would refuse. It prefers silence to noise: what looks like a version
//     number, a time or a source file is left out unless it was defanged.
//
// Not here: whether a value is harmful, whether a name resolves, who may see it, and
// test networks of the currencies. A [Domain] may have any top-level name, listed or
// not; only Detect and Extract want it to be in the public suffix list or reserved.
//
// Sources: RFC 4291, 4632, 5321, 3986; UTS 46; ITU-T E.164; ISO 13616 with the
// registry's lengths; BIP-173 and BIP-350; EIP-55; the address forms of Bitcoin,
// Litecoin, Dogecoin, Tron, XRP Ledger and Monero; STIX 2.1 section 6 for [STIX].
package observable
