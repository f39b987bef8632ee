// Judges what holdfast says of its audit log, with the code that verifies Go's own checksum database: packages note and tlog of
// golang.org/x/mod. Written from docs/AUDIT_FORMAT.md; nothing of a signature, a hash or a proof is computed here.
//
//	check_proof VKEYS < LINES
//
// VKEYS is the file audit.vkey. Each line is JSON: a checkpoint as a string, a proof as `audit prove` and `audit export --format jsonl`
// print it, or the answer of `audit verify --json`, which is compared with the tree of all records that came before it. To each it
// says `yes`, or `no: ` and why. A proof that no signature vouches for is none.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A stand is a moment of the log. Hash reads base64 by itself.
type stand struct {
	Size       int64     `json:"tree_size"`
	Root       tlog.Hash `json:"root_hash"`
	Checkpoint string    `json:"checkpoint"`
}

type statement struct {
	Proves string `json:"proves"`

	stand
	Record *string          `json:"record"`
	Index  int64            `json:"leaf_index"`
	Leaf   tlog.Hash        `json:"leaf_hash"`
	Path   tlog.RecordProof `json:"inclusion_path"`
	Tlog   string           `json:"tlog_proof"`

	Older stand          `json:"older"`
	Newer stand          `json:"newer"`
	Grown tlog.TreeProof `json:"consistency_path"`

	Verified *bool      `json:"verified"`
	Records  int64      `json:"records"`
	Whole    *tlog.Hash `json:"root"`
}

type judge struct {
	known note.Verifiers
	// What the log's name may be: that of its keys.
	origins map[string]bool
	// The tree of the records that were read from the first on without a gap, as package tlog stores one.
	stored []tlog.Hash
	size   int64
}

func main() {
	j := judge{origins: map[string]bool{}}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	var keys []note.Verifier
	for _, line := range strings.Fields(string(text)) {
		key, err := note.NewVerifier(line)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		keys = append(keys, key)
		j.origins[key.Name()] = true
	}
	j.known = note.VerifierList(keys...)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		if err := j.judge(lines.Bytes()); err != nil {
			fmt.Printf("no: %s\n", strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("yes")
		}
	}
}

func (j *judge) judge(line []byte) error {
	var text string
	if json.Unmarshal(line, &text) == nil {
		_, _, err := j.open(text)
		return err
	}
	var s statement
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	switch {
	case s.Proves == "inclusion":
		return j.inclusion(s)
	case s.Proves == "consistency":
		for _, at := range []stand{s.Older, s.Newer} {
			if err := j.signed(at); err != nil {
				return err
			}
		}
		return tlog.CheckTree(s.Grown, s.Newer.Size, s.Newer.Root, s.Older.Size, s.Older.Root)
	case s.Verified != nil:
		return j.whole(s)
	}
	return errors.New("it says nothing that can be judged")
}

// open gives size and root of a checkpoint that one of the keys signed: the first three lines are origin, size and root.
func (j *judge) open(checkpoint string) (int64, tlog.Hash, error) {
	opened, err := note.Open([]byte(checkpoint), j.known)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || !j.origins[lines[0]] {
		return 0, tlog.Hash{}, errors.New("the checkpoint is of another log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return 0, tlog.Hash{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return size, root, err
}

func (j *judge) signed(at stand) error {
	size, root, err := j.open(at.Checkpoint)
	if err == nil && (size != at.Size || root != at.Root) {
		err = errors.New("the checkpoint is of another tree")
	}
	return err
}

func (j *judge) inclusion(s statement) error {
	if err := j.signed(s.stand); err != nil {
		return err
	}
	if s.Record != nil && tlog.RecordHash([]byte(*s.Record)) != s.Leaf {
		return errors.New("the record has another hash")
	}
	if err := tlog.CheckRecord(s.Path, s.Size, s.Root, s.Index, s.Leaf); err != nil {
		return err
	}
	if s.Tlog != "" {
		if err := j.standardForm(s); err != nil {
			return err
		}
	}
	if s.Record != nil && s.Index == j.size {
		return j.add(*s.Record)
	}
	return nil
}

// standardForm judges a C2SP tlog-proof: a line with the version, the index, the path, a blank line, and the checkpoint.
func (j *judge) standardForm(s statement) error {
	parts := strings.SplitN(s.Tlog, "\n\n", 2)
	lines := strings.Split(parts[0], "\n")
	if len(parts) != 2 || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" || lines[1] != fmt.Sprintf("index %d", s.Index) {
		return errors.New("the tlog-proof is none, or of another record")
	}
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	size, root, err := j.open(parts[1])
	if err != nil {
		return err
	}
	return tlog.CheckRecord(path, size, root, s.Index, s.Leaf)
}

func (j *judge) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var hashes []tlog.Hash
	for _, index := range indexes {
		hashes = append(hashes, j.stored[index])
	}
	return hashes, nil
}

func (j *judge) add(record string) error {
	hashes, err := tlog.StoredHashes(j.size, []byte(record), j)
	j.stored = append(j.stored, hashes...)
	j.size++
	return err
}

// whole judges what `audit verify` says of all records.
func (j *judge) whole(s statement) error {
	if !*s.Verified || s.Whole == nil {
		return errors.New("it does not say that the log is intact")
	}
	if s.Records != j.size {
		return fmt.Errorf("it speaks of %d records, and %d came before it", s.Records, j.size)
	}
	root, err := tlog.TreeHash(j.size, j)
	if err == nil && root != *s.Whole {
		err = errors.New("the records have another root")
	}
	return err
}
