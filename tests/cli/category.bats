#!/usr/bin/env bats
# Categories and their rules, by hand and over what is there.
bats_require_minimum_version 1.5.0
load common

setup_more() {
	strongroom init >/dev/null
	strongroom client add pc >/dev/null
	mkdir data
	printf '\0\1\2' >data/song.mp3
	echo 'print(1)' >data/tool.py
	printf '\0\1\2' >data/thing.odd
	echo words >data/notes.txt
	strongroom record --client pc data >/dev/null
}

category_of() {
	json .category file show pc "$PWD/data/$1" | tr -d '"'
}

@test "record sorts files by the catalog's rules" {
	equal 'audio code other document' \
		"$(category_of song.mp3) $(category_of tool.py) $(category_of thing.odd) $(category_of notes.txt)"
	strongroom category add curious --extension odd >/dev/null
	touch data/new.odd
	strongroom record --client pc data >/dev/null
	equal 'curious other' "$(category_of new.odd) $(category_of thing.odd)"
}

@test "list shows files and rules, in every form" {
	equal 8 "$(json length category list)"
	equal '[1,3,true,true]' \
		"$(json '.[] | select(.name == "audio") | [.files, .bytes, .known, (.extensions | any(. == "mp3"))]' category list)"
	equal 'name,files,bytes,rules,color,description,default_path,known' \
		"$(strongroom category list --csv | head -1 | tr -d '\r')"
	strongroom category list --plain | grep -q "^code	1	9	.*	Programs and their sources	received_files/code/	1$"
	strongroom category list | grep -q '^other  *1  '
	sqlite3 "$STRONGROOM_DB" "UPDATE files SET FileCategory = 'wild' WHERE FileName = 'thing.odd'"
	equal '[false,null]' "$(json '.[] | select(.name == "wild") | [.known, .color]' category list)"
	strongroom category list | grep -q 'wild .*only files have it'
}

@test "add, show and update" {
	strongroom category add 'my photos' --color '#AA00ff' --mime image/x-mine --extension .MINE \
		--description 'from holidays' --path photos/ >/dev/null
	equal '["my photos","from holidays","photos/","#aa00ff",["image/x-mine"],["mine"],0]' \
		"$(json '[.name, .description, .default_path, .color, .mime_types, .extensions, .files]' category show 'my photos')"
	strongroom category update 'my photos' --no-extension mine --extension his --mime video/x-mine >/dev/null
	equal '[["image/x-mine","video/x-mine"],["his"],"#aa00ff"]' \
		"$(json '[.mime_types, .extensions, .color]' category show 'my photos')"
	equal 'mime_types,extensions' "$(strongroom category show 'my photos' --csv | head -1 | tr -d '\r' | cut -d, -f 7-)"
	strongroom category show 'my photos' | grep -q '^extensions  *his$'
	run awk 'length($0) > 80' <(strongroom category show code)
	equal '' "$output"
}

@test "what is wrong with a category is said" {
	refused 2 "'red'" '#007acc' -- category add a --color red
	refused 1 "'code'" already -- category add code
	refused 1 "'mp3'" "'audio'" -- category add a --extension mp3
	refused 2 "'video'" video/mp4 -- category add a --mime video
	refused 1 "'nowhere'" -- category update nowhere --color '#000000'
	refused 2 'nothing to update' --no-mime -- category update code
	refused 1 "'code'" "'mp3'" -- category update code --no-extension mp3
	refused 1 '"nowhere"' 'category list' -- category show nowhere
	refused 2 NAME -- category add
	equal 8 "$(json length category list)"
}

@test "a category that files have is deleted only with a place for them" {
	refused 1 "'audio'" '1 file:' --move-to -- category delete audio --yes
	refused 2 --yes -- category delete audio --move-to other
	refused 1 "'nowhere'" -- category delete audio --move-to nowhere --yes
	refused 1 "'other'" stays -- category delete other --move-to code --yes
	equal audio "$(category_of song.mp3)"
	equal '{"deleted":"audio","moved_to":"video","files":1}' "$(json . category delete audio --move-to video --yes)"
	equal video "$(category_of song.mp3)"
	touch data/second.mp3
	strongroom record --client pc data >/dev/null
	equal video "$(category_of second.mp3)"
	strongroom category delete image --yes | grep -q 'Deleted category image'
	equal 6 "$(json length category list)"
}

@test "assign applies the rules to what is there; a dry run changes nothing" {
	strongroom client add other >/dev/null
	strongroom record --client other data >/dev/null
	strongroom category add curious --extension odd >/dev/null
	equal '{"moves":[{"from":"other","to":"curious","files":2,"bytes":6}],"looked":8,"changed":2,"dry_run":true}' \
		"$(json . category assign --dry-run)"
	strongroom category assign --dry-run >out
	grep -q '^other  *curious  *2  *6 B$' out
	grep -q '^2 of 8 files would get another category.$' out
	equal other "$(category_of thing.odd)"
	strongroom category assign --client other | grep -q '^1 of 4 files got another category.$'
	equal other "$(category_of thing.odd)"
	equal 0 "$(json .changed category assign --from document)"
	equal 1 "$(json .changed category assign --from other)"
	equal curious "$(category_of thing.odd)"
	equal 'from,to,files,bytes' "$(strongroom category assign --csv | tr -d '\r')"
	equal 0 "$(json .changed category assign)"
	refused 1 nobody -- category assign --client nobody
}

@test "assign gives one file a category by hand" {
	strongroom category assign pc "$PWD/data/notes.txt" code | grep -q 'in category code now'
	equal code "$(category_of notes.txt)"
	# It stays while the file stays as it is.
	strongroom record --client pc data >/dev/null
	equal code "$(category_of notes.txt)"
	refused 1 "'nowhere'" -- category assign pc "$PWD/data/notes.txt" nowhere
	refused 1 gone -- category assign pc /gone code
	refused 2 PATH -- category assign pc
	refused 2 CATEGORY -- category assign pc "$PWD/data/notes.txt"
	refused 2 --dry-run -- category assign pc "$PWD/data/notes.txt" code --dry-run
}

@test "old databases are listed, and say what assigning needs" {
	export STRONGROOM_DB=$folder/old.db
	old_database "$STRONGROOM_DB" 4
	equal 4 "$(json length category list)"
	refused 1 'migrate up' -- category assign --dry-run
	refused 1 'migrate up' -- category add a
	rm "$STRONGROOM_DB"
	old_database "$STRONGROOM_DB" 1
	equal 0 "$(json 'map(select(.known)) | length' category list)"
	strongroom category list | grep -q -e 'No categories' -e '(none)'
}
