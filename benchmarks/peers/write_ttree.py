"""Writes ntuples with `std::vector` branches, the form of the skims, which only ROOT can write.

usage: write_ttree.py ALGORITHM TREE INPUT.root=OUTPUT.root ... (run by a python that has ROOT)

The input holds the same ntuple as an RNTuple. ALGORITHM is zlib, lz4, zstd or lzma, at level 1.
TREE is the path of the ntuple, FOLDER/NAME.
"""

from __future__ import annotations

import sys
from pathlib import Path

import ROOT

COPY = """
#include <ROOT/RNTupleReader.hxx>
#include <TFile.h>
#include <TTree.h>
void copy_entries(const char *source, const char *target, int compression) {
  auto reader = ROOT::RNTupleReader::Open("FOLDER/NAME", source);
  auto entry = reader->GetModel().CreateEntry();
  TFile file(target, "RECREATE", "", compression);
  file.mkdir("FOLDER")->cd();
  auto *tree = new TTree("NAME", "NAME");
  BRANCHES
  for (auto i : *reader) {
    reader->LoadEntry(i, *entry);
    tree->Fill();
  }
  tree->Write();
}
"""


def fields(tree: str, source: str) -> dict[str, str]:
    """Returns the C++ types of the fields by name."""
    reader = ROOT.RNTupleReader.Open(tree, source)
    found = reader.GetDescriptor().GetTopLevelFields()
    return {str(field.GetFieldName()): str(field.GetTypeName()) for field in found}


def main() -> None:
    algorithm, tree, *pairs = sys.argv[1:]
    algorithms = ROOT.RCompressionSetting.EAlgorithm
    compression = 100 * int(getattr(algorithms, f"k{algorithm.upper()}")) + 1
    branches = "\n".join(
        f'tree->Branch("{name}", entry->GetPtr<{kind}>("{name}").get());'
        for name, kind in fields(tree, pairs[0].partition("=")[0]).items()
    )
    folder, _, name = tree.partition("/")
    code = COPY.replace("FOLDER", folder).replace("NAME", name).replace("BRANCHES", branches)
    if not ROOT.gInterpreter.Declare(code):
        sys.exit("the copy does not compile")
    for pair in pairs:
        source, _, target = pair.partition("=")
        part = f"{target}.part"
        ROOT.copy_entries(source, part, compression)
        Path(part).rename(target)


if __name__ == "__main__":
    main()
