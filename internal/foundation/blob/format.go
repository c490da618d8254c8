package blob

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

const (
	headerMagic = "ALMBLOB1"
	footerMagic = "ALMBEND1"
	headerSize  = 8 + 16
	footerSize  = 8 + 8 + 8
	indexFixed  = 4 + 4 + 8 + 32
	indexEntry  = 4 + 1 + 32
	// indexNonce is the nonce of the index: no frame has this number.
	indexNonce = math.MaxUint64
)

// keyID names the key of one blob file.
type keyID [16]byte

// codec says how a frame is stored.
type codec byte

const (
	codecRaw  codec = 0
	codecZstd codec = 1
)

// frame is one entry of the index.
type frame struct {
	stored uint32 // bytes in the file, with the seal
	codec  codec
	sha256 [32]byte // of the bytes before encryption
}

// index is the sealed table at the end of a blob file.
type index struct {
	frameSize uint32
	size      int64
	sha256    [32]byte
	frames    []frame
}

func (x *index) encode() []byte {
	b := make([]byte, 0, indexFixed+len(x.frames)*indexEntry)
	b = binary.BigEndian.AppendUint32(b, x.frameSize)
	b = binary.BigEndian.AppendUint32(b, uint32(len(x.frames)))
	b = binary.BigEndian.AppendUint64(b, uint64(x.size))
	b = append(b, x.sha256[:]...)
	for i := range x.frames {
		f := &x.frames[i]
		b = binary.BigEndian.AppendUint32(b, f.stored)
		b = append(b, byte(f.codec))
		b = append(b, f.sha256[:]...)
	}
	return b
}

var errIndex = errors.New("the index does not fit the file")

func decodeIndex(b []byte) (*index, error) {
	if len(b) < indexFixed {
		return nil, errIndex
	}
	x := &index{frameSize: binary.BigEndian.Uint32(b)}
	n := int64(binary.BigEndian.Uint32(b[4:]))
	x.size = int64(binary.BigEndian.Uint64(b[8:]))
	copy(x.sha256[:], b[16:])
	b = b[indexFixed:]
	if x.frameSize == 0 || x.frameSize > maxFrame || x.size < 0 || int64(len(b)) != n*indexEntry {
		return nil, errIndex
	}
	if want := (x.size + int64(x.frameSize) - 1) / int64(x.frameSize); want != n {
		return nil, errIndex
	}
	x.frames = make([]frame, n)
	for i := range x.frames {
		f := &x.frames[i]
		f.stored, f.codec = binary.BigEndian.Uint32(b), codec(b[4])
		copy(f.sha256[:], b[5:])
		b = b[indexEntry:]
		if f.codec > codecZstd || f.stored > maxFrame+1024 {
			return nil, errIndex
		}
	}
	return x, nil
}

func encodeHeader(id keyID) []byte { return append([]byte(headerMagic), id[:]...) }

func parseHeader(r io.ReaderAt) (id keyID, err error) {
	var b [headerSize]byte
	if _, err := r.ReadAt(b[:], 0); err != nil {
		return id, fmt.Errorf("read header: %w", err)
	}
	if string(b[:8]) != headerMagic {
		return id, errors.New("the header is not that of a blob")
	}
	copy(id[:], b[8:])
	return id, nil
}

func encodeFooter(at int64, length int) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(at))
	b = binary.BigEndian.AppendUint64(b, uint64(length))
	return append(b, footerMagic...)
}

// parseFooter returns where the index is; fileSize bounds every figure.
func parseFooter(r io.ReaderAt, fileSize int64) (at, length int64, err error) {
	if fileSize < headerSize+footerSize {
		return 0, 0, fmt.Errorf("the file has %d bytes only", fileSize)
	}
	var b [footerSize]byte
	if _, err := r.ReadAt(b[:], fileSize-footerSize); err != nil {
		return 0, 0, fmt.Errorf("read footer: %w", err)
	}
	a, l := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	if string(b[16:]) != footerMagic {
		return 0, 0, errors.New("the footer is not that of a blob")
	}
	if a < headerSize || a > uint64(fileSize) || l > uint64(fileSize) || a+l+footerSize != uint64(fileSize) {
		return 0, 0, errors.New("the footer does not fit the file")
	}
	return int64(a), int64(l), nil
}

// newAEAD returns AES-256-GCM under a blob's key.
func newAEAD(key [32]byte) (cipher.AEAD, error) {
	c, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(c)
}

// nonce is a frame's number as a GCM nonce; a blob's key serves one blob only.
func nonce(n uint64) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 4, 12), n)
}
