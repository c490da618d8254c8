// Package blob keeps bytes by their SHA-256: deliveries as they came, bitmaps,
// side indexes, results. What is put in comes out byte for byte, or an error that
// names the damaged place; never something else.
//
// Words. A [Ref] names a blob: the SHA-256 and the length of its plain bytes. A
// frame is 256 KiB of the plain bytes (the last one may be shorter), compressed on
// its own (zstd; raw when that does not shrink it) and encrypted on its own
// (AES-256-GCM), so that one line is read and checked without the rest.
//
// Promises.
//
//   - A Ref that was returned is durable: temporary file, fsync, rename, fsync of
//     the folder. A cut at any step leaves the whole blob or none of it. So the
//     caller writes the Ref into the database after that, never before.
//   - The same bytes put twice, also at the same time, are one file.
//   - A reader returns no byte of a frame before that frame's hash and seal were
//     checked. Memory is a few frames, whatever the size of the blob.
//   - Every blob has a random key of its own, kept in a file of its own (folder
//     keys), wrapped by the master key. [Store.Erase] destroys the key: after that
//     the bytes are gone from every copy of the blob, also from backups of the
//     blobs folder. The erasure list names what was erased; it is kept apart from
//     backups and replayed by [Open], so that a restored key does not live on.
//   - [Store.Collect] removes unused blobs, and only past a grace age, so that a
//     blob which was put but is not yet referred to survives.
//
// Layout of the folder:
//
//	blobs/ab/abcd…            one file per blob, named by the SHA-256 in hex
//	keys/ab/abcd…-<key id>    its wrapped key
//	tmp/                      unfinished writes; removed by Collect past the grace age
//
// A blob file is: header (magic "ALMBLOB1", key id of 16 bytes), sealed frames, the
// sealed index, footer (offset and length of the index, magic "ALMBEND1"). The
// index lists for every frame its stored length, its codec and the SHA-256 of its
// bytes before encryption (compressed where the codec compresses; zstd frames carry
// a checksum of their plain bytes besides), and the frame size, the size and the
// SHA-256 of the whole. A frame's nonce is its number: the key is used for one blob
// only. Nothing in the file outside its name tells about the content.
//
// One process at a time may call Collect; everything else is safe for concurrent
// use, also from several processes.
//
// Not here: who may read a blob, which blobs are referred to, how long a delivery
// is kept (the rooms).
package blob
