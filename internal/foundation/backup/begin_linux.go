package backup

import (
	"os"
	"syscall"
)

// syncFileRangeWrite is SYNC_FILE_RANGE_WRITE of sync_file_range(2).
const syncFileRangeWrite = 2

// beginWriting tells the disk to begin with a part of a file. It promises nothing; a
// file system that does not know it writes at the sync.
func beginWriting(f *os.File, at, n int64) {
	_ = syscall.SyncFileRange(int(f.Fd()), at, n, syncFileRangeWrite) // the sync tells of trouble
}
