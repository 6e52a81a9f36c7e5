//! Each construct of each platform, as it reads on the others.

use tieline_core::driver::InstanceConfig;
use tieline_fuzz::platforms;
use tieline_fuzz::seen::seen;

/// What is written on one platform, and how it is written on the two others.
type Row = (&'static str, &'static str, &'static str);

fn check(from: &dyn InstanceConfig, to: [&dyn InstanceConfig; 2], rows: &[Row]) {
    for (written, first, second) in rows {
        let read = from.dialect().parse(written);
        for (on, expected) in to.into_iter().zip([first, second]) {
            let said = seen(&on.dialect().render(&read));
            assert_eq!(said, **expected, "{} {written:?} on {}", from.platform(), on.platform());
        }
    }
}

#[test]
fn rocketchat_on_discord_and_whatsapp() {
    check(
        &*platforms::rocketchat(),
        [&*platforms::discord(), &*platforms::whatsapp()],
        &[
            ("*b* **b**", "**b** **b**", "*b* *b*"),
            ("_i_ __i__", "*i* *i*", "_i_ _i_"),
            ("~s~ ~~s~~", "~~s~~ ~~s~~", "~s~ ~s~"),
            ("||p||", "||p||", "p"),
            ("a*b*c a_b_c", "a**b**c a_b_c", "a*b*c a_b_c"),
            ("***x***", "\\***x**\\*", "**x**"),
            ("*_~x~_*", "***~~x~~***", "*_~x~_*"),
            ("\\*x\\* \\_y\\_", "\\*x\\* \\_y\\_", "*x* _y_"),
            ("`*c*`", "`*c*`", "`*c*`"),
            ("```rust\nlet a;\n```", "```rust\nlet a;\n```", "```\nlet a;\n```"),
            ("> q\n>r", "> q\n> r", "> q\n> r"),
            ("# h\n#### h", "# h\n**h**", "*h*\n*h*"),
            ("- i\n* j\n3. n", "- i\n- j\n3. n", "- i\n- j\n3. n"),
            ("[t](https://x.org/a)", "[t](https://x.org/a)", "t (https://x.org/a)"),
            ("<https://x.org/a|t>", "[t](https://x.org/a)", "t (https://x.org/a)"),
            (
                "[https://good.org](https://bad.org)",
                "https://good.org (https://bad.org)",
                "https://good.org (https://bad.org)",
            ),
            ("[ ](https://c.example/channel/x?msg=1) yes", "yes", "yes"),
            (":slight_smile: :thumbsup_tone3: :party_parrot: 🔥", "🙂 👍🏽 :party_parrot: 🔥", "🙂 👍🏽 :party_parrot: 🔥"),
            ("@ann #dev @all", "@ann #dev @all", "@ann #dev @all"),
        ],
    );
}

#[test]
fn discord_on_rocketchat_and_whatsapp() {
    check(
        &*platforms::discord(),
        [&*platforms::rocketchat(), &*platforms::whatsapp()],
        &[
            ("**b** *i* _i_ __u__ ~~s~~", "*b* _i_ _i_ u ~s~", "*b* _i_ _i_ u ~s~"),
            ("||p||", "||p||", "p"),
            ("a*b*c a_b_c", "a_b_c a_b_c", "a_b_c a_b_c"),
            ("***x***", "_*x*_", "_*x*_"),
            ("**a\nb**", "*a*\n*b*", "*a*\n*b*"),
            ("\\*x\\*", "\\*x\\*", "*x*"),
            ("``a`b``", "a\\`b", "```a`b```"),
            ("```one```", "```\none\n```", "```\none\n```"),
            ("x ```y``` z", "x `y` z", "x `y` z"),
            ("> q\n>>> r\ns", "> q\n> r\n> s", "> q\n> r\n> s"),
            ("# h\n### h\n-# small", "# h\n### h\nsmall", "*h*\n*h*\nsmall"),
            ("- i\n  * j\n3. n", "- i\n- j\n3. n", "- i\n- j\n3. n"),
            (
                "[t](https://x.org/a) <https://x.org/b>",
                "[t](https://x.org/a) https://x.org/b",
                "t (https://x.org/a) https://x.org/b",
            ),
            ("<@1> <@!1> <@&2> <#3>", "@unknown @unknown @unknown \\#unknown", "@unknown @unknown @unknown #unknown"),
            ("<:party_cat:4> <a:dance:5>", ":party_cat: :dance:", ":party_cat: :dance:"),
            (
                "<t:1700000000:D> </remind me:6> <id:guide>",
                "2023-11-14 /remind me Server Guide",
                "2023-11-14 /remind me Server Guide",
            ),
            ("@everyone @here", "@everyone @here", "@everyone @here"),
        ],
    );
}

#[test]
fn whatsapp_on_rocketchat_and_discord() {
    check(
        &*platforms::whatsapp(),
        [&*platforms::rocketchat(), &*platforms::discord()],
        &[
            ("*b* _i_ ~s~", "*b* _i_ ~s~", "**b** *i* ~~s~~"),
            ("*_x_*", "*_x_*", "***x***"),
            ("a*b*c snake_case 2 * 3", "a\\*b\\*c snake_case 2 \\* 3", "a\\*b\\*c snake_case 2 \\* 3"),
            ("`c` ```d```", "`c` `d`", "`c` `d`"),
            ("```\nlet a;\n```", "```\nlet a;\n```", "```\nlet a;\n```"),
            ("> q\n- i\n2. n", "> q\n- i\n2. n", "> q\n- i\n2. n"),
            ("# no <@1> [t](u)", "\\# no <@1> [t](u)", "# no <@1> [t](u)"),
            ("@all @491700000002", "@all @491700000002", "@all @491700000002"),
            ("||x|| :smile: 😀", "||x|| :smile: 😀", "\\|\\|x\\|\\| :smile: 😀"),
        ],
    );
}
