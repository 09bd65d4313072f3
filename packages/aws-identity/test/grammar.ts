/**
 * What config files say, by rule: title, `~/.aws/config`, then a line for each thing that is read or wrong (in the
 * notation of `rendered.ts`), and `~/.aws/credentials` where there is one.
 */
export type Case = readonly [
  title: string,
  config: string,
  says: ReadonlyArray<string>,
  credentials?: string
]

export const grammar: Readonly<Record<string, ReadonlyArray<Case>>> = {
  "profiles": [
    ["a profile", "[profile a]\nk = v", ["profile a @1 k=v@2"]],
    ["default", "[default]\nk = v", ["profile default @1 k=v@2"]],
    ["[profile default] is default too", "[profile default]\nk = v", ["profile default @1 k=v@2"]],
    ["[profile default] beats [default]", "[default]\nk = 1\nl = 1\n[profile default]\nk = 2", [
      "profile default @4 k=2@5",
      "warning 1:1 bareDefault"
    ]],
    ["[profile default] beats [default], wherever it stands", "[profile default]\nk = 2\n[default]\nk = 1\nl = 1", [
      "profile default @1 k=2@2",
      "warning 3:1 bareDefault"
    ]],
    ["[default] twice", "[default]\nk = 1\n[default]\nl = 2", [
      "profile default @1 k=1@2 l=2@4",
      "warning 3:1 repeatedSection"
    ]],
    ["an empty profile is a profile", "[profile a]", ["profile a @1"]],
    ["an empty file", "", []],
    ["a file of white space", " \n\t\n\n", []],
    ["a file of comments", "# one\n; two\n", []],
    ["many", "[profile a]\nk=1\n[profile b]\nk=2\n[profile c]\nk=3", [
      "profile a @1 k=1@2",
      "profile b @3 k=2@4",
      "profile c @5 k=3@6"
    ]],
    ["unprefixed", "[a]\nk = v", ["warning 1:1 unknown"]],
    ["prefix without white space", "[profilea]\nk = v", ["warning 1:1 unknown"]],
    ["prefix without name", "[profile]\nk = v", ["warning 1:1 unknown"]],
    ["prefix, white space, no name", "[profile ]\nk = v", ["warning 1:1 unknown"]],
    ["prefix in upper case", "[PROFILE a]\nk = v", ["warning 1:1 unknown"]],
    ["DEFAULT in upper case is not default", "[DEFAULT]\nk = v\n[profile a]\nl = w", [
      "profile a @3 l=w@4",
      "warning 1:1 unknown"
    ]],
    ["names keep their case", "[profile A]\nk = 1\n[profile a]\nk = 2", ["profile A @1 k=1@2", "profile a @3 k=2@4"]],
    ["tab behind the prefix", "[profile\ta]\nk = v", ["profile a @1 k=v@2"]],
    ["much white space behind the prefix", "[profile \t  a]\nk = v", ["profile a @1 k=v@2"]],
    ["padding in the brackets", "[  profile a\t]\nk = v", ["profile a @1 k=v@2"]],
    ["padding around default", "[ default ]\nk = v", ["profile default @1 k=v@2"]],
    ["digits, dots, signs", "[profile a.b-c_d/e@f%g:h+1]\nk = v", ["profile a.b-c_d/e@f%g:h+1 @1 k=v@2"]],
    ["name of prefix words", "[profile profile]\nk = v\n[profile sso-session]\nk = w", [
      "profile profile @1 k=v@2",
      "profile sso-session @3 k=w@4"
    ]],
    ["name with a space", "[profile a b]\nk = v", ["profile a b @1 k=v@2", "warning 1:1 name"]],
    ["name in double quotes", "[profile \"a b\"]\nk = v", ["profile a b @1 k=v@2", "warning 1:1 name"]],
    ["name in single quotes", "[profile 'a b']\nk = v", ["profile a b @1 k=v@2", "warning 1:1 name"]],
    ["quotes around a plain name", "[profile \"a\"]\nk = v", ["profile a @1 k=v@2"]],
    ["a quote in a name, as the AWS CLI writes it", "[profile 'it'\"'\"'s mine']\nk = v", [
      "profile it's mine @1 k=v@2",
      "warning 1:1 name"
    ]],
    ["a quote that does not close", "[profile a'b]\nk = v", ["profile a'b @1 k=v@2", "warning 1:1 name"]],
    ["a name outside ASCII", "[profile café]\nk = v", ["profile café @1 k=v@2", "warning 1:1 name"]],
    ["a name of Object.prototype", "[profile __proto__]\nk = v\n[profile constructor]\nk = w\n[profile toString]", [
      "profile __proto__ @1 k=v@2",
      "profile constructor @3 k=w@4",
      "profile toString @5"
    ]],
    ["a bracket in the name", "[profile a[b]\nk = v", ["profile a[b @1 k=v@2", "warning 1:1 name"]],
    ["profiles do not nest", "[profile a]\nk = v\n[profile a.b]\nl = w", ["profile a @1 k=v@2", "profile a.b @3 l=w@4"]]
  ],
  "headers": [
    ["no closing bracket", "[profile a\nk = v\n[profile b]\nl = w", [
      "profile a fails @1:1 header",
      "profile b @3 l=w@4",
      "error 1:1 header"
    ]],
    ["closing bracket in the next line", "[profile a\n]\nk = v", [
      "profile a fails @1:1 header",
      "error 1:1 header"
    ]],
    ["text behind", "[profile a] text\nk = v\n[profile b]\nl = w", [
      "profile a fails @1:13 header",
      "profile b @3 l=w@4",
      "error 1:13 header"
    ]],
    ["a second header behind", "[profile a][profile b]\nk = v", [
      "profile a fails @1:12 header",
      "error 1:12 header"
    ]],
    ["comment behind, with #", "[profile a] # comment\nk = v", ["profile a @1 k=v@2"]],
    ["comment behind, with ;", "[profile a] ; comment\nk = v", ["profile a @1 k=v@2"]],
    ["comment glued to the bracket", "[profile a]#comment\nk = v\n[profile b];comment\nl = w", [
      "profile a @1 k=v@2",
      "profile b @3 l=w@4"
    ]],
    ["a bracket in the comment", "[profile a] # ]\nk = v", ["profile a @1 k=v@2"]],
    ["white space behind", "[profile a] \t \nk = v", ["profile a @1 k=v@2"]],
    ["empty brackets", "[]\nk = v\n[profile b]\nl = w", ["profile b @3 l=w@4", "warning 1:1 unknown"]],
    ["no closing bracket and no name", "[\nk = v\n[profile b]\nl = w", [
      "profile b @3 l=w@4",
      "error 1:1 header"
    ]],
    ["no closing bracket, below the header of the same profile", "[profile a]\nk = 1\n[profile a\nk = 2", [
      "profile a fails @3:1 header",
      "warning 3:1 repeatedSection",
      "error 3:1 header"
    ]],
    ["indented, first in the file", "  [profile a]\nk = v", ["profile a @1 k=v@2", "warning 1:1 indented"]],
    ["indented no deeper than the property above", "  [profile a]\n  k = v\n  [profile b]\n  l = w", [
      "profile a @1 k=v@2",
      "profile b @3 l=w@4",
      "warning 1:1 indented",
      "warning 2:1 indented",
      "warning 3:1 indented",
      "warning 4:1 indented"
    ]],
    ["indented less than the property above", "[profile a]\n\tk = v\n [profile b]\nl = w", [
      "profile a @1 k=v@2",
      "profile b @3 l=w@4",
      "warning 2:1 indented",
      "warning 3:1 indented"
    ]],
    ["indented, below a header", "[profile a]\n  [profile b]\nk = v", [
      "profile a @1",
      "profile b @2 k=v@3",
      "warning 2:1 indented"
    ]],
    ["indented deeper than the property above", "[profile a]\nk = v\n  [profile b]\nl = w", [
      "profile a fails @3:3 continuedHeader",
      "error 3:3 continuedHeader"
    ]],
    [
      "indented deeper than the property above, for a section that stands elsewhere too",
      "[profile b]\nm = 1\n[profile a]\nk = v\n  [profile b]\nl = w",
      ["profile b fails @5:3 continuedHeader", "profile a fails @5:3 continuedHeader", "error 5:3 continuedHeader"]
    ],
    [
      "indented deeper than a property above that has nested lines",
      "[profile a]\ns3 =\n  m = 1\n  [profile b]\nl = w",
      [
        "profile a fails @4:3 continuedHeader",
        "error 4:3 continuedHeader"
      ]
    ],
    ["behind a byte order mark within the file", "[profile a]\nk = v\n\ufeff[profile b]\nl = w", [
      "profile a @1 k=v@2",
      "profile b @3 l=w@4",
      "warning 3:1 indented"
    ]],
    ["lines that end in CR alone", "[profile a]\rk = v\r", [
      "profile a fails @1:13 header",
      "error 1:13 header"
    ]],
    ["[ in a value is no header", "[profile a]\nk = [profile b]", ["profile a @1 k=[profile b]@2"]],
    ["header at the end without newline", "[profile a]\nk = v\n[profile b]", ["profile a @1 k=v@2", "profile b @3"]],
    ["typo in the kind", "[sso-sesion x]\nsso_region = us-east-1\n[profile a]\nk = v", [
      "profile a @3 k=v@4",
      "warning 1:1 unknown"
    ]],
    [
      "what stands below a header that is skipped does not count",
      "[plugins]\nnonsense\n = x\n  indented\n[profile a]\nk = v",
      ["profile a @5 k=v@6", "warning 1:1 unknown"]
    ]
  ],
  "properties": [
    ["no white space", "[profile a]\nk=v", ["profile a @1 k=v@2"]],
    ["much white space", "[profile a]\nk \t = \t v \t ", ["profile a @1 k=v@2"]],
    ["keys in any case", "[profile a]\nSSO_Region = v", ["profile a @1 sso_region=v@2"]],
    ["values keep their case", "[profile a]\nk = VaLue", ["profile a @1 k=VaLue@2"]],
    ["an equals sign in the value", "[profile a]\nk = a=b==c", ["profile a @1 k=a=b==c@2"]],
    ["colons do not divide", "[profile a]\nk: v\nl = w", ["profile a fails @2:1 property", "error 2:1 property"]],
    ["a colon in a key", "[profile a]\nk:l = v", ["profile a @1 k:l=v@2"]],
    ["white space in a key", "[profile a]\na key = v", ["profile a @1 a key=v@2"]],
    ["empty value", "[profile a]\nk =\nl = w", ["profile a @1 k=@2 l=w@3"]],
    ["empty value, white space", "[profile a]\nk = \t\nl = w", ["profile a @1 k=@2 l=w@3"]],
    ["no key", "[profile a]\n = v\nl = w", ["profile a fails @2:2 key", "error 2:2 key"]],
    ["no key, no white space", "[profile a]\n=v", ["profile a fails @2:1 key", "error 2:1 key"]],
    ["no equals sign", "[profile a]\nnonsense\nl = w", ["profile a fails @2:1 property", "error 2:1 property"]],
    ["twice: the last one", "[profile a]\nk = 1\nl = 2\nk = 3", [
      "profile a @1 k=3@4 l=2@3",
      "warning 4:1 repeatedKey"
    ]],
    ["twice in other cases", "[profile a]\nkey = 1\nKEY = 2", ["profile a @1 key=2@3", "warning 3:1 repeatedKey"]],
    ["the same section twice", "[profile a]\nk = 1\nl = 1\n[profile b]\nm = 1\n[profile a]\nk = 2", [
      "profile a @1 k=2@7 l=1@3",
      "profile b @4 m=1@5",
      "warning 6:1 repeatedSection",
      "warning 7:1 repeatedKey"
    ]],
    ["before any section", "k = v\n[profile a]\nl = w", [
      "profile a @2 l=w@3",
      "error 1:1 orphan"
    ]],
    ["nonsense before any section", "nonsense\n[profile a]\nl = w", [
      "profile a @2 l=w@3",
      "error 1:1 property"
    ]],
    ["keys of Object.prototype", "[profile a]\n__proto__ = v\nconstructor = w", [
      "profile a @1 __proto__=v@2 constructor=w@3"
    ]],
    ["quotes are part of the value", "[profile a]\nk = \"v\"\nl = 'w'", ["profile a @1 k=\\\"v\\\"@2 l='w'@3"]],
    ["backslashes are plain", "[profile a]\nk = C:\\x\\n", ["profile a @1 k=C:\\\\x\\\\n@2"]],
    ["percent signs are plain", "[profile a]\nk = %(l)s", ["profile a @1 k=%(l)s@2"]],
    ["dollar signs are plain", "[profile a]\nk = $HOME ${HOME}", ["profile a @1 k=$HOME ${HOME}@2"]],
    ["value outside ASCII", "[profile a]\nk = über ✓ 𝄞", ["profile a @1 k=über ✓ 𝄞@2"]],
    ["no-break space is white space", "[profile a]\nk\u00a0=\u00a0v\u00a0# comment", ["profile a @1 k=v@2"]],
    ["zeros lead", "[profile a]\nsso_account_id = 000000000012", ["profile a @1 sso_account_id=000000000012@2"]],
    ["a value that looks like a header", "[profile a]\nk = [x]\nl = w", ["profile a @1 k=[x]@2 l=w@3"]],
    ["a very long value", "[profile a]\nk = xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", [
      "profile a @1 k=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx@2"
    ]],
    ["blank lines between", "\n\n[profile a]\n\n\nk = v\n\n\nl = w\n\n", ["profile a @3 k=v@6 l=w@9"]]
  ],
  "comments": [
    ["a line with #", "[profile a]\n# k = 1\nl = w", ["profile a @1 l=w@3"]],
    ["a line with ;", "[profile a]\n; k = 1\nl = w", ["profile a @1 l=w@3"]],
    ["above all", "# comment\n[profile a]\nk = v", ["profile a @2 k=v@3"]],
    ["behind a value, with #", "[profile a]\nk = v # comment", ["profile a @1 k=v@2"]],
    ["behind a value, with ;", "[profile a]\nk = v ; comment", ["profile a @1 k=v@2"]],
    ["behind a value and a tab", "[profile a]\nk = v\t#comment", ["profile a @1 k=v@2"]],
    ["two behind a value", "[profile a]\nk = v # one ; two # three", ["profile a @1 k=v@2"]],
    ["# within a value", "[profile a]\nk = v#w", ["profile a @1 k=v#w@2"]],
    ["; within a value", "[profile a]\nk = v;w;x", ["profile a @1 k=v;w;x@2"]],
    ["# within a value, comment behind", "[profile a]\nk = v#w # comment", ["profile a @1 k=v#w@2"]],
    ["in the place of a value", "[profile a]\nk = # comment\nl = w", ["profile a @1 k=@2 l=w@3"]],
    ["in the place of a value, glued", "[profile a]\nk =#v", ["profile a @1 k=#v@2"]],
    ["# at the end of a value", "[profile a]\nk = v#", ["profile a @1 k=v#@2"]],
    ["an indented line is a comment too", "[profile a]\n  # comment\nk = v", ["profile a @1 k=v@3"]],
    ["before the equals sign", "[profile a]\nk # l = v", ["profile a fails @2:1 property", "error 2:1 property"]],
    ["behind a line that is none", "[profile a]\nk # comment", ["profile a fails @2:1 property", "error 2:1 property"]],
    ["between a property and its continuation", "[profile a]\nk = 1\n# comment\n  2", ["profile a @1 k=1\\n2@2"]],
    ["# in a start URL", "[sso-session s]\nsso_start_url = https://d-123.awsapps.com/start#/\nsso_region = us-east-1", [
      "session s https://d-123.awsapps.com/start#/ us-east-1"
    ]]
  ],
  "continuation": [
    ["one line", "[profile a]\nk = 1\n  2", ["profile a @1 k=1\\n2@2"]],
    ["many lines", "[profile a]\nk = 1\n 2\n\t3\n  \t 4\nl = w", ["profile a @1 k=1\\n2\\n3\\n4@2 l=w@6"]],
    ["white space around it is trimmed", "[profile a]\nk = 1\n    2 \t ", ["profile a @1 k=1\\n2@2"]],
    ["comment signs in it are kept", "[profile a]\nk = 1\n  2 # kept\n  3;kept", [
      "profile a @1 k=1\\n2 # kept\\n3;kept@2"
    ]],
    ["an equals sign in it is kept", "[profile a]\nk = 1\n  l = 2", [
      "profile a @1 k=1\\nl = 2@2",
      "warning 3:3 continuedKey"
    ]],
    ["blank lines in it do not end it", "[profile a]\nk = 1\n\n  2", ["profile a @1 k=1\\n2@2"]],
    ["ends with the next property", "[profile a]\nk = 1\n  2\nl = 3\n  4", ["profile a @1 k=1\\n2@2 l=3\\n4@4"]],
    ["ends with the next section", "[profile a]\nk = 1\n[profile b]\n  l = 2", [
      "profile a @1 k=1@2",
      "profile b @3 l=2@4",
      "warning 4:1 indented"
    ]],
    ["with nothing to continue", "[profile a]\n  k = v", ["profile a @1 k=v@2", "warning 2:1 indented"]],
    ["with nothing to continue, and no property", "[profile a]\n  nonsense\nk = v", [
      "profile a fails @2:3 property",
      "error 2:3 property"
    ]],
    ["below a line that is none", "[profile a]\nnonsense\n  more\nk = v", [
      "profile a fails @2:1 property",
      "error 2:1 property"
    ]],
    ["of the last of two keys", "[profile a]\nk = 1\n  2\nk = 3\n  4", [
      "profile a @1 k=3\\n4@4",
      "warning 4:1 repeatedKey"
    ]],
    ["indented comment line", "[profile a]\nk = 1\n  # comment\n  2", ["profile a @1 k=1\\n2@2"]],
    ["behind a value with a comment", "[profile a]\nk = 1 # comment\n  2", ["profile a @1 k=1\\n2@2"]]
  ],
  "indentation": [
    ["all keys alike, with spaces", "[profile a]\n  k = 1\n  l = 2\n[profile b]\n  m = 3", [
      "profile a @1 k=1@2 l=2@3",
      "profile b @4 m=3@5",
      "warning 2:1 indented",
      "warning 3:1 indented",
      "warning 5:1 indented"
    ]],
    ["all keys alike, with a tab", "[profile a]\n\tk = 1\n\tl = 2", [
      "profile a @1 k=1@2 l=2@3",
      "warning 2:1 indented",
      "warning 3:1 indented"
    ]],
    ["all keys alike, with no-break spaces", "[profile a]\n\u00a0\u00a0k = 1\n\u00a0\u00a0l = 2", [
      "profile a @1 k=1@2 l=2@3",
      "warning 2:1 indented",
      "warning 3:1 indented"
    ]],
    ["all keys alike, with other white space", "[profile a]\n\u3000k = 1\n\fl = 2\n\vm = 3", [
      "profile a @1 k=1@2 l=2@3 m=3@4",
      "warning 2:1 indented",
      "warning 3:1 indented",
      "warning 4:1 indented"
    ]],
    ["below a comment and a blank line", "[profile a]\n# one\n\n  k = 1\n  # two\n\n  l = 2", [
      "profile a @1 k=1@4 l=2@7",
      "warning 4:1 indented",
      "warning 7:1 indented"
    ]],
    ["less and less", "[profile a]\n    k = 1\n  l = 2\nm = 3", [
      "profile a @1 k=1@2 l=2@3 m=3@4",
      "warning 2:1 indented",
      "warning 3:1 indented"
    ]],
    ["deeper than an indented property", "[profile a]\n  k = 1\n    2\n  l = 3", [
      "profile a @1 k=1\\n2@2 l=3@4",
      "warning 2:1 indented",
      "warning 4:1 indented"
    ]],
    ["a key of one line goes on", "[profile a]\nregion = x\n  y\nl = 1", [
      "profile a fails @3:3 region",
      "error 3:3 continuedLine"
    ]],
    ["a key of one line goes on below a comment", "[profile a]\naws_secret_access_key = x\n# more\n\t\ty", [
      "profile a fails @4:3 aws_secret_access_key",
      "error 4:3 continuedLine"
    ]],
    ["a key below a key of one line", "[profile a]\nregion = x\n  sso_account_id = 111122223333", [
      "profile a fails @3:3 region",
      "error 3:3 continuedLine"
    ]],
    ["a key of one line has its value in the next line", "[profile a]\nrole_arn =\n  x", [
      "profile a fails @3:3 role_arn",
      "error 3:3 continuedLine"
    ]],
    ["an unknown ARN or URL goes on", "[profile a]\nmy_arn = x\n  y\n[profile b]\nmy_url = x\n  y", [
      "profile a fails @3:3 my_arn",
      "profile b fails @6:3 my_url",
      "error 3:3 continuedLine",
      "error 6:3 continuedLine"
    ]],
    ["a known key below an unknown one", "[profile a]\nk = x\n  region = y", [
      "profile a fails @3:3 k",
      "error 3:3 continuedKey"
    ]],
    ["a command goes on", "[profile a]\ncredential_process = x\n  --flag=1", [
      "profile a @1 credential_process=x\\n--flag=1@2"
    ]],
    ["a session's key goes on", "[sso-session s]\nsso_region = us-east-1\n  sso_start_url = u", [
      "session s fails @3:3 sso_region",
      "error 3:3 continuedLine"
    ]],
    ["nested lines below an indented key", "[profile a]\n  s3 =\n    max = 1\n  k = v", [
      "profile a @1 s3=@2 s3.max=1@3 k=v@4",
      "warning 2:1 indented",
      "warning 4:1 indented"
    ]],
    ["no nested lines without deeper indentation", "[profile a]\n  s3 =\n  max = 1", [
      "profile a @1 s3=@2 max=1@3",
      "warning 2:1 indented",
      "warning 3:1 indented"
    ]]
  ],
  "nested": [
    ["a block", "[profile a]\ns3 =\n  max = 1\n  addressing_style = path\nk = v", [
      "profile a @1 s3=@2 s3.max=1@3 s3.addressing_style=path@4 k=v@5"
    ]],
    ["its keys in any case", "[profile a]\nS3 =\n  Max_Retries = 1", ["profile a @1 s3=@2 s3.max_retries=1@3"]],
    ["its keys do not mix with the profile's", "[profile a]\nregion = x\ns3 =\n  region = y", [
      "profile a @1 region=x@2 s3=@3 s3.region=y@4"
    ]],
    ["comment in the place of the outer value", "[profile a]\ns3 = # comment\n  max = 1", [
      "profile a @1 s3=@2 s3.max=1@3"
    ]],
    ["comments in it", "[profile a]\ns3 =\n  # one\n  max = 1 # two\n  ; three\n  min = 0", [
      "profile a @1 s3=@2 s3.max=1@4 s3.min=0@6"
    ]],
    ["an equals sign in a value of it", "[profile a]\ns3 =\n  k = a=b", ["profile a @1 s3=@2 s3.k=a=b@3"]],
    ["empty value in it", "[profile a]\ns3 =\n  k =\n  l = w", ["profile a @1 s3=@2 s3.k=@3 s3.l=w@4"]],
    ["blank lines in it", "[profile a]\ns3 =\n\n  k = v\n\n  l = w", ["profile a @1 s3=@2 s3.k=v@4 s3.l=w@6"]],
    ["key twice in it", "[profile a]\ns3 =\n  k = 1\n  k = 2", ["profile a @1 s3=@2 s3.k=2@4"]],
    ["no key in it", "[profile a]\ns3 =\n  = v\nk = w", ["profile a fails @3:3 nested", "error 3:3 nested"]],
    ["no equals sign in it", "[profile a]\ns3 =\n  nonsense\nk = w", [
      "profile a fails @3:3 nested",
      "error 3:3 nested"
    ]],
    ["block twice: the last one", "[profile a]\ns3 =\n  k = 1\n  l = 1\ns3 =\n  k = 2", [
      "profile a @1 s3=@5 s3.k=2@6",
      "warning 5:1 repeatedKey"
    ]],
    ["two blocks", "[profile a]\ns3 =\n  k = 1\ndynamodb =\n  k = 2", [
      "profile a @1 s3=@2 s3.k=1@3 dynamodb=@4 dynamodb.k=2@5"
    ]],
    ["deeper is no deeper", "[profile a]\ns3 =\n  k =\n    l = v", ["profile a @1 s3=@2 s3.k=@3 s3.l=v@4"]]
  ],
  "sessions": [
    ["a session", "[sso-session s]\nsso_start_url = https://x.awsapps.com/start\nsso_region = us-east-1", [
      "session s https://x.awsapps.com/start us-east-1"
    ]],
    [
      "with scopes",
      "[sso-session s]\nsso_start_url = u\nsso_region = us-east-1\nsso_registration_scopes = sso:account:access",
      ["session s u us-east-1 sso:account:access"]
    ],
    [
      "with many scopes",
      "[sso-session s]\nsso_start_url = u\nsso_region = us-east-1\nsso_registration_scopes = a , b,,\tc ,",
      ["session s u us-east-1 a b c"]
    ],
    ["in quotes", "[sso-session 'My SSO']\nsso_start_url = u\nsso_region = us-east-1", [
      "session My SSO u us-east-1",
      "warning 1:1 name"
    ]],
    ["without start URL", "[sso-session s]\nsso_region = us-east-1", ["session s fails @1:1 sso_start_url"]],
    ["without region", "[sso-session s]\nsso_start_url = u", ["session s fails @1:1 sso_region"]],
    ["with an empty region", "[sso-session s]\nsso_start_url = u\nsso_region =", ["session s fails @1:1 sso_region"]],
    ["with a region that is none", "[sso-session s]\nsso_start_url = u\nsso_region = US East", [
      "session s fails @3:1 sso_region"
    ]],
    ["twice", "[sso-session s]\nsso_start_url = u\n[sso-session s]\nsso_region = us-east-1", [
      "session s u us-east-1",
      "warning 3:1 repeatedSection"
    ]],
    ["of the name of a profile", "[profile s]\nk = v\n[sso-session s]\nsso_start_url = u\nsso_region = us-east-1", [
      "profile s @1 k=v@2",
      "session s u us-east-1"
    ]],
    ["is no profile", "[sso-session s]\nsso_start_url = u\nsso_region = us-east-1\n[profile a]\nk = v", [
      "profile a @4 k=v@5",
      "session s u us-east-1"
    ]],
    [
      "with a line that cannot be read",
      "[sso-session s]\nsso_start_url = u\nnonsense\nsso_region = us-east-1\n[profile a]\nk = v",
      ["profile a @5 k=v@6", "session s fails @3:1 property", "error 3:1 property"]
    ],
    ["without white space is not known", "[sso-sessions]\nsso_start_url = u", ["warning 1:1 unknown"]],
    ["default needs its prefix", "[sso-session default]\nsso_start_url = u\nsso_region = us-east-1\n[default]\nk = v", [
      "profile default @4 k=v@5",
      "session default u us-east-1"
    ]]
  ],
  "services": [
    [
      "a services section",
      "[services srv]\nsso =\n  endpoint_url = http://localhost:1\nsts =\n  endpoint_url = http://localhost:2",
      ["services srv @1 sso=@2 sso.endpoint_url=http://localhost:1@3 sts=@4 sts.endpoint_url=http://localhost:2@5"]
    ],
    ["empty", "[services srv]", ["services srv @1"]],
    ["flat keys", "[services srv]\nendpoint_url = http://localhost:1", [
      "services srv @1 endpoint_url=http://localhost:1@2"
    ]],
    ["services with a line that cannot be read", "[services srv]\nsso =\n  nonsense\n[profile a]\nk = v", [
      "profile a @4 k=v@5",
      "services srv fails @3:3 nested",
      "error 3:3 nested"
    ]],
    ["services twice", "[services srv]\nsso =\n  endpoint_url = 1\n[services srv]\nsts =\n  endpoint_url = 2", [
      "services srv @1 sso=@2 sso.endpoint_url=1@3 sts=@5 sts.endpoint_url=2@6",
      "warning 4:1 repeatedSection"
    ]]
  ],
  "files": [
    ["byte order mark", "﻿[profile a]\nk = v", ["profile a @1 k=v@2"]],
    ["byte order mark alone", "﻿", []],
    ["CRLF", "[profile a]\r\nk = v\r\nl =\r\n  m = w\r\n\r\n[profile b]\r\nk = 1\r\n  2\r\n", [
      "profile a @1 k=v@2 l=@3 l.m=w@4",
      "profile b @6 k=1\\n2@7"
    ]],
    ["LF and CRLF mixed", "[profile a]\nk = v\r\nl = w\n", ["profile a @1 k=v@2 l=w@3"]],
    ["no newline at the end", "[profile a]\nk = v", ["profile a @1 k=v@2"]],
    ["comment without newline at the end", "[profile a]\nk = v\n# end", ["profile a @1 k=v@2"]],
    ["many newlines at the end", "[profile a]\nk = v\n\n\n\n", ["profile a @1 k=v@2"]],
    ["a NUL byte in a value", "[profile a]\nk = a\u0000b", ["profile a @1 k=a\\u0000b@2", "warning 2:6 control"]],
    ["a NUL byte in a value of one line", "[profile a]\nregion = a\u0000b", [
      "profile a fails @2:11 region",
      "error 2:11 control"
    ]],
    ["bytes that are not UTF-8 in a comment", "# \ufffd\n[profile a]\nk = v # \ufffd", ["profile a @2 k=v@3"]],
    ["bytes that are not UTF-8 in a value of one line", "[profile a]\nsso_role_name = J\ufffdrg", [
      "profile a fails @2:18 sso_role_name",
      "error 2:18 encoding"
    ]],
    ["a carriage return in a comment, and a key behind it", "[profile a]\n# b\rregion = x\nk = v", [
      "profile a fails @2:4 carriageReturn",
      "error 2:4 carriageReturn"
    ]],
    ["a carriage return in a comment, and a comment behind it", "[profile a]\n# b\r# c\nk = v\n\r", [
      "profile a @1 k=v@3"
    ]],
    ["form feed is white space", "[profile a]\nk = v\f", ["profile a @1 k=v@2"]]
  ],
  "credentials": [
    ["a profile there", "", ["profile a @c1 aws_access_key_id=AKID@c2"], "[a]\naws_access_key_id = AKID"],
    ["default there", "", ["profile default @c1 aws_access_key_id=AKID@c2"], "[default]\naws_access_key_id = AKID"],
    ["its keys win", "[profile a]\nk = 1\nl = 1", ["profile a @1 k=2@c2 l=1@3"], "[a]\nk = 2"],
    [
      "its keys win, default too",
      "[default]\nk = 1\nl = 1",
      ["profile default @1 k=2@c2 l=1@3 m=2@c3"],
      "[default]\nk = 2\nm = 2"
    ],
    ["[profile default] and credentials' [default]", "[default]\nk = 0\n[profile default]\nl = 1", [
      "profile default @3 l=1@4 m=2@c2",
      "warning 1:1 bareDefault"
    ], "[default]\nm = 2"],
    ["only there", "[profile a]\nk = 1", ["profile a @1 k=1@2", "profile b @c1 k=2@c2"], "[b]\nk = 2"],
    [
      "[profile x] there is no profile",
      "",
      ["profile b @c3 l=w@c4", "warning c1:1 credentials"],
      "[profile a]\nk = v\n[b]\nl = w"
    ],
    [
      "[sso-session x] there does not count",
      "",
      ["warning c1:1 credentials"],
      "[sso-session s]\nsso_start_url = u\nsso_region = us-east-1"
    ],
    ["[services x] there does not count", "", ["warning c1:1 credentials"], "[services srv]\nendpoint_url = u"],
    [
      "a name that begins like a prefix",
      "",
      ["profile sso-sessionfoo @c1 k=v@c2", "profile profilea @c3 k=w@c4"],
      "[sso-sessionfoo]\nk = v\n[profilea]\nk = w"
    ],
    ["quotes in a name are part of it", "", ["profile \"a b\" @c1 k=v@c2", "warning c1:1 name"], "[\"a b\"]\nk = v"],
    ["a name with spaces", "", ["profile a b @c1 k=v@c2", "warning c1:1 name"], "[a b]\nk = v"],
    ["no name there", "", ["warning c1:1 unknown"], "[ ]\nk = v"],
    ["an unreadable header there", "[profile b]\nk = v", [
      "profile b @1 k=v@2",
      "profile a fails @c1:1 header",
      "error c1:1 header"
    ], "[a\nk = v"],
    ["an unreadable line spoils the profile of both files", "[profile a]\nk = v\n[profile b]\nk = v", [
      "profile a fails @c2:1 property",
      "profile b @3 k=v@4",
      "error c2:1 property"
    ], "[a]\nnonsense"],
    ["an unreadable line in config alike", "[profile a]\nnonsense", [
      "profile a fails @2:1 property",
      "profile b @c3 l=w@c4",
      "error 2:1 property"
    ], "[a]\nk = v\n[b]\nl = w"],
    ["nested blocks", "", ["profile a @c1 s3=@c2 s3.k=v@c3"], "[a]\ns3 =\n  k = v"],
    ["a nested block replaces the other file's", "[profile a]\ns3 =\n  k = 1\n  l = 1", [
      "profile a @1 s3=@c2 s3.k=2@c3"
    ], "[a]\ns3 =\n  k = 2"],
    ["a slash token", "", ["profile a @c1 aws_secret_access_key=a/b+c==@c2"], "[a]\naws_secret_access_key = a/b+c=="]
  ]
}
